"""What a finding advises, in the words of the library that runs the task."""

from __future__ import annotations

from dataclasses import replace

from coroscope.analysis.findings.finding import Finding
from coroscope.trace.model import Trace

IN_TRIO = {
    "await asyncio.to_thread(…)": "await trio.to_thread.run_sync(…)",
    "asyncio.sleep(due - loop.time())": "trio.sleep_until(due)",
    "asyncio.sleep(0)": "trio.lowlevel.checkpoint()",
    "with asyncio.TaskGroup or asyncio.gather": "in a nursery",
}


def in_words_of_its_loop(finding: Finding, trace: Trace) -> Finding:
    """`finding`, where its task is one of trio's with trio's functions in place of asyncio's."""
    task = trace.tasks.get(finding.task or 0)
    loop = trace.loops.get(task.loop) if task is not None else None
    if loop is None or loop.type != "trio":
        return finding
    advice = finding.advice
    for word, other in IN_TRIO.items():
        advice = advice.replace(word, other)
    return replace(finding, advice=advice)
