"""`make bench`: every benchmark, one after another."""

from benchmarks import release_time

if __name__ == "__main__":
    release_time.main()
