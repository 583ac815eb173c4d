"""Messages reach people through real servers; where they don't, the reason is clear and holds no secret."""

import logging
import socket
from collections.abc import Iterator
from os import utime
from pathlib import Path
from time import monotonic

import pytest
from apprise import Apprise
from apprise.plugins import pagerduty
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.slack import NotifySlack

from datahub_dagster.adapters.notify.apprise_channels import AppriseChannels, problem_of
from datahub_dagster.adapters.notify.reasons import without_parts_of
from datahub_dagster.adapters.notify.targets import TargetFile, parse_targets
from datahub_dagster.domain.alert import AlertKind, Told
from datahub_dagster.domain.contract import Language, Support
from datahub_dagster.errors import ChannelError
from tests.adapters.alert_example import channels, item, message, render
from tests.receivers import MailServer, WebReceiver, mail_server, web_receiver

REPOSITORY = Path(__file__).parents[2]
TOKEN = "T0KEN-that-nobody-may-see"


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What a log of everything holds. Not `caplog`, which also sees what its logger passes to nobody."""
    lines: list[str] = []

    class Log(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name} {record.getMessage()}")

    log, root = Log(), logging.getLogger()
    before = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(log)
    root.setLevel(before)


def test_a_mail_arrives_whole_in_plain_text_with_one_line_of_subject(
    mails: MailServer, tmp_path: Path
) -> None:
    sent = message(
        "email:tokyo-desk+alerts@example.com",
        subject="【遅延】equities.daily_prices：2026年11月24日(火)の分がまだ届いていません。\nBcc: everybody@example.com",
        text="約束：18:30（Asia/Tokyo）まで\n\n  次の手順   datahub show equities.daily_prices",
    )

    channels(tmp_path, {"email": mails.target}).send(sent)

    mail = mails.mails_to("tokyo-desk+alerts@example.com")[-1]
    assert mail["Subject"] == sent.subject.replace("\n", " ")
    assert mail["From"].addresses[0].addr_spec == "hub@example.com"
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip().splitlines() == sent.text.splitlines()


def test_a_message_arrives_as_json(web: WebReceiver, tmp_path: Path) -> None:
    sent = message("webhook:ops", subject="株価が遅れています", text="一行目\n二行目")

    channels(tmp_path, {"webhook:*": web.target}).send(sent)

    [(path, body)] = web.posted
    assert path == "/ops"
    assert (body["title"], body["message"]) == (sent.subject, sent.text)
    assert body["type"] == "failure"


def test_a_message_that_only_tells_of_what_is_over_is_a_success(web: WebReceiver, tmp_path: Path) -> None:
    there = channels(tmp_path, {"webhook:*": web.target})

    there.send(message("webhook:ops", incidents=("a1", "a2"), told=(Told.OVER, Told.OVER)))
    there.send(message("webhook:ops", incidents=("a1", "a2"), told=(Told.WORSE, Told.OVER)))

    assert [body["type"] for _, body in web.posted] == ["success", "failure"]


@pytest.mark.parametrize(
    ("status", "why"),
    [(500, "status 500"), (401, "status 401"), (302, "status 302"), (404, "status 404")],
)
def test_a_refusal_is_told_with_its_status_and_without_the_address(
    web: WebReceiver, tmp_path: Path, logged: list[str], status: int, why: str
) -> None:
    web.answers[f"/{TOKEN}"] = status
    there = channels(tmp_path, {"webhook:ops": f"json://{TOKEN}1:{TOKEN}2@127.0.0.1:{web.port}/{TOKEN}"})

    with pytest.raises(ChannelError, match=why) as caught:
        there.send(message("webhook:ops"))

    assert caught.value.subject == "webhook:ops"
    assert f"127.0.0.1:{web.port}" in caught.value.reason
    assert TOKEN not in f"{caught.value} {logged}"
    assert len(web.posted) == 1, "it is neither tried again nor led elsewhere"


def test_a_receiver_that_hangs_is_given_up_soon(web: WebReceiver, tmp_path: Path) -> None:
    web.answers["/ops"] = 0
    there = channels(tmp_path, {"webhook:*": f"{web.target}?rto=0.3"})
    begun = monotonic()

    with pytest.raises(ChannelError, match="there was no answer in time"):
        there.send(message("webhook:ops"))

    assert monotonic() - begun < 3


@pytest.mark.parametrize("url", ["json://127.0.0.1:{port}/x", "mailto://127.0.0.1:{port}?from=a@example.com"])
def test_a_receiver_that_is_down_is_told_as_such(tmp_path: Path, url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and never listens
        there = channels(tmp_path, {"email": url.format(port=closed.getsockname()[1])})

        with pytest.raises(ChannelError, match="the connection was refused"):
            there.send(message("email:a@example.com"))


@pytest.mark.parametrize("scheme", ["json", "jsons", "mailto", "mailtos"])
def test_a_receiver_that_says_nothing_is_given_up_soon(tmp_path: Path, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}?from=a@example.com&to=b@example.com&cto=0.2&rto=0.2"

        with pytest.raises(ChannelError, match="there was no answer in time"):
            channels(tmp_path, {"any": url}).send(message("any:x"))


def test_a_mail_server_without_tls_is_told_as_such(mails: MailServer, tmp_path: Path) -> None:
    there = channels(tmp_path, {"email": mails.target.replace("mailto:", "mailtos:")})

    with pytest.raises(ChannelError, match="it does not speak TLS there"):
        there.send(message("email:a@example.com"))


def test_a_wrong_password_of_the_mail_server_is_told_and_not_shown(tmp_path: Path, logged: list[str]) -> None:
    with mail_server(password="right") as server:
        url = f"mailto://hub:{TOKEN}@127.0.0.1:{server.port}?from=hub@example.com&to={{channel}}"

        with pytest.raises(ChannelError, match="refused the login") as caught:
            channels(tmp_path, {"email": url}).send(message("email:a@example.com"))
        channels(tmp_path, {"email": url.replace(TOKEN, "right")}).send(message("email:a@example.com"))

    assert TOKEN not in f"{caught.value} {logged}"
    assert len(server.mails) == 1


def test_an_address_that_the_mail_server_does_not_know_is_told(mails: MailServer, tmp_path: Path) -> None:
    mails.refused.add("gone@example.com")

    with pytest.raises(ChannelError, match="refused the mail with status 550"):
        channels(tmp_path, {"email": mails.target}).send(message("email:gone@example.com"))


def test_no_mail_goes_to_the_hub_itself_where_a_channel_is_no_address(
    mails: MailServer, tmp_path: Path
) -> None:
    before = len(mails.mails)

    with pytest.raises(ChannelError, match="the channel is no e-mail address"):
        channels(tmp_path, {"email": mails.target}).send(message("email:#markets-data"))

    assert len(mails.mails) == before


def test_an_address_that_was_renewed_after_it_was_refused_is_used_at_once(tmp_path: Path) -> None:
    with web_receiver() as old, web_receiver() as new:
        old.answers["/ops"] = 403
        file = tmp_path / "targets.yaml"
        file.write_text(f"webhook: {old.target}\n")
        stat = file.stat()
        there = AppriseChannels(TargetFile(file, {}))
        assert there.has_target(Support(tool="webhook", channel="ops"))

        file.write_text(f"webhook: {new.target}\n")
        utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # so fast that its time is the same
        there.send(message("webhook:ops"))

        assert [path for path, _ in new.posted] == ["/ops"]


def test_a_text_that_is_too_long_for_a_service_comes_in_few_parts_the_worst_first(
    web: WebReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyJSON, "body_maxlen", 500)
    lines = "\n".join(f"line {number}" for number in range(10_000))

    channels(tmp_path, {"webhook": web.target}).send(message("webhook:ops", text=lines))

    assert 2 <= len(web.posted) <= 5
    assert web.messages()[0][1].startswith("line 0\nline 1\n")
    assert web.messages()[-1][1].endswith("…")


def test_a_route_without_a_target_has_none_and_says_so(tmp_path: Path) -> None:
    there = channels(tmp_path, {"slack:#other": "slack://x", "webhook:ops": "json://localhost"})

    assert not there.has_target(Support(tool="slack", channel="#markets-data"))
    assert not AppriseChannels().has_target(Support(tool="webhook", channel="ops"))
    with pytest.raises(ChannelError, match="no target is named for it"):
        there.send(message("slack:#markets-data"))


def test_while_the_targets_cant_be_read_messages_wait_instead_of_being_kept_as_done(tmp_path: Path) -> None:
    there = AppriseChannels(TargetFile(tmp_path / "gone.yaml", {}))

    assert there.has_target(Support(tool="slack", channel="#markets-data"))
    with pytest.raises(ChannelError, match=r"^slack:#markets-data: .*can't be read"):
        there.send(message("slack:#markets-data"))


def test_a_pager_opens_an_alert_for_each_incident_and_closes_what_is_over(
    web: WebReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{web.port}/v2/enqueue")
    there = channels(tmp_path, {"pagerduty:data": "pagerduty://0123456789abcdef0123456789abcdef@key"})

    there.send(
        message("pagerduty:data", incidents=("a1", "b2"), told=(Told.NEW, Told.OVER), text="long " * 1000)
    )

    (_, opened), (_, closed) = web.posted
    assert (opened["event_action"], opened["dedup_key"]) == ("trigger", "datahub-a1")
    assert opened["payload"]["severity"] == "critical"
    assert opened["payload"]["summary"].startswith("equities.daily_prices is late")
    assert len(opened["payload"]["summary"]) <= 1024
    assert (closed["event_action"], closed["dedup_key"]) == ("resolve", "datahub-b2")


def test_apprise_knows_every_address_that_the_guide_tells_to_write() -> None:
    guide = (REPOSITORY / "docs/how-to/set-up-channels.md").read_text(encoding="utf-8")
    text = guide.partition("```yaml\n")[2].partition("```")[0]
    variables = {
        "SMTP_PASSWORD": "secret",
        "SLACK_TOKEN": "xoxb-1234-1234-abc124",
        "MARKETS_HOOK": "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "TEAMS_WORKFLOW": "643e69f83c8944438d68119179a10a64",
        "TEAMS_SIGNATURE": "KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A",
        "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
        "OPS_PASSWORD": "secret",
    }

    targets = parse_targets(text, "guide", variables).by_key

    assert len(targets) == 6
    assert {key: problem_of(target) for key, target in targets.items()} == dict.fromkeys(targets, "")


def test_the_channel_is_told_to_slack_as_it_is_called(tmp_path: Path) -> None:
    target = parse_targets(
        'slack: "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/{channel}"', "f", {}
    ).of(Support(tool="slack", channel="#markets-data"))

    service = Apprise.instantiate(target.url if target else "")

    assert isinstance(service, NotifySlack)
    assert service.channels == ["#markets-data"]


def test_an_address_of_no_service_is_a_problem_that_does_not_repeat_it() -> None:
    [target] = parse_targets(f"any: slak://{TOKEN}", "targets.yaml", {}).by_key.values()

    assert problem_of(target) == "its address is none that apprise knows"
    assert TOKEN not in repr(target)


def test_no_word_of_an_address_is_left_in_a_text() -> None:
    url = "slack://bot%40x@T0/B0/abc?to=s3cr.t&sig=a=b%3D"

    told = without_parts_of(url, "for bot@x: T0/B0/abc is no longer (s3cr.t, a=b=), says slack to sig")

    assert told == "for •••@•••: •••/•••/••• is no longer (•••, •••=•••=), says slack to sig"


@pytest.mark.parametrize("language", Language)
def test_an_alert_of_each_kind_arrives_as_mail_and_as_json(language: Language, tmp_path: Path) -> None:
    with mail_server() as mails, web_receiver() as web:
        there = channels(tmp_path, {"email": mails.target, "webhook": web.target})
        said = [render(item(kind), language=language) for kind in AlertKind]
        for subject, text in said:
            for route in (
                Support(tool="email", channel="desk@example.com"),
                Support(tool="webhook", channel="ops"),
            ):
                there.send(message("", route=route, subject=subject, text=text))

        assert [
            (mail["Subject"], mail.get_content().splitlines()) for mail in mails.mails_to("desk@example.com")
        ] == [(subject, text.splitlines()) for subject, text in said]
        assert [(subject, text.strip()) for subject, text in web.messages()] == [
            (subject, text.strip()) for subject, text in said
        ]
