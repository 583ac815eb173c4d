"""`make bench`: every benchmark, one after another. ARGS are those of `release_on_aws`."""

from benchmarks import monitor_time, release_on_aws, release_time

if __name__ == "__main__":
    release_time.main()
    monitor_time.main([])
    release_on_aws.main()
