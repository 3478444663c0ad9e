"""The target allocator as a process and real collectors as processes, whose `prometheus` receiver asks it what to scrape
(hack/workloads.d/otelcol/prometheus.go); pods on a real API server, targets on loopback."""

import calendar
import re
import signal
import subprocess
import time

import pytest
import yaml
from plane import MISSING, eventually, free_port
from test_target_allocator import Allocator, Targets, add_collector, namespace, operator  # noqa: F401

from conftest import ROOT

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def otelcol():
    """The collector's path; built once (hack/workloads), some 3 minutes."""
    built = subprocess.run(
        [ROOT / "hack/workloads.d/build-otelcol"], capture_output=True, text=True, check=True, timeout=1500
    )
    return built.stdout.strip()


class OtelCollector:
    """A process of the collector; what it scrapes it writes to its log."""

    def __init__(self, binary, folder, name, allocator):
        folder.mkdir(parents=True)
        self.name, self.path = name, folder / "otelcol.log"
        config = {
            "receivers": {"prometheus": {
                "config": {},
                "target_allocator": {
                    "endpoint": f"http://127.0.0.1:{allocator.port}", "interval": "1s", "collector_id": "${env:NAME}",
                    "http_sd_config": {"refresh_interval": "1s"},
                },
            }},
            "exporters": {"debug": {"verbosity": "detailed"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["debug"]}},
            },
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        self.log = open(self.path, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [binary, f"--config={folder}/config.yaml"], stdout=self.log, stderr=self.log, env={"NAME": name}
        )

    def scraped(self, since):
        """What was scraped from then on: target -> its jobs. Only what answered counts."""
        text = self.path.read_text()
        found = {}
        for resource in text.split("ResourceMetrics #")[1:]:
            job = re.search(r"service\.name: Str\((.*?)\)", resource)
            target = re.search(r"service\.instance\.id: Str\((.*?)\)", resource)
            for metric in resource.split("Metric #")[1:]:
                at = re.search(r"^Timestamp: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? \+0000", metric, re.M)
                if not (job and target and at and re.search(r"Name: up_since$", metric, re.M)):
                    continue
                moment = time.strptime(at.group(1) + " +0000", "%Y-%m-%d %H:%M:%S %z")
                if calendar.timegm(moment) + float(at.group(2) or 0) >= since:
                    found.setdefault(target.group(1), set()).add(job.group(1))
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.log.close()


def test_collectors_share_targets(otelcol, namespace, tmp_path):  # noqa: F811
    targets = Targets(12)
    for number in range(2):
        add_collector(namespace, f"collector-{number}")
    allocator = Allocator(tmp_path / "ta", namespace, targets.addresses, more={"handover": {"deadline": "2s"}})
    collectors = [OtelCollector(otelcol, tmp_path / f"c{n}", f"collector-{n}", allocator) for n in range(2)]
    try:
        def shared(wanted):
            """Whether the last seconds had each target, and each of them with one of the two."""
            since = time.time() - 3
            first, second = (collector.scraped(since) for collector in collectors)
            return set(first) | set(second) == set(wanted) and not set(first) & set(second) and (first, second)

        first, second = eventually("each target is scraped by one of the two", lambda: shared(targets.addresses), 60)
        owners = allocator.owners()
        assert {owners[address] for address in first} == {"collector-0"}
        assert {owners[address] for address in second} == {"collector-1"}
        assert {job for found in (first, second) for jobs in found.values() for job in jobs} == {"loop/back"}

        # Some go, and one job comes.
        gone, left = targets.addresses[:4], targets.addresses[4:]
        allocator.config["config"]["scrape_configs"][0]["static_configs"][0]["targets"] = left[1:]
        allocator.config["config"]["scrape_configs"].append(
            {"job_name": "second job", "scrape_interval": "1s", "static_configs": [{"targets": left[:1]}],
             "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "up_since", "action": "keep"}]}
        )
        allocator.write()
        first, second = eventually("those that went are scraped no more", lambda: shared(left), 60)
        both = {**first, **second}
        assert not set(gone) & set(both)
        eventually("the new job is used", lambda: {
            address: jobs for collector in collectors for address, jobs in collector.scraped(time.time() - 2).items()
        }.get(left[0]) == {"second job"}, 30)

        # Without the allocator they go on with what they have.
        assert allocator.stop() == 0
        since = time.time()
        time.sleep(4)
        seen = [set(collector.scraped(since)) for collector in collectors]
        assert seen[0] | seen[1] == set(left) and not seen[0] & seen[1]
    finally:
        for collector in collectors:
            collector.stop()
        if allocator.process.poll() is None:
            allocator.stop()
        targets.stop()
