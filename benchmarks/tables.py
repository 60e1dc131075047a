"""The tables of docs/performance.md, each a function of all results, by the name of their JSON
file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from benchmarks.throughput import BARS, H200_TFLOPS

Results = dict[str, Any]
NOT_MEASURED = "*not measured*"
# against the straightforward formula
SIGREG_BARS = {"faster": 8.0, "less memory": 4.0, "difference": 1e-5}
WAYS = {
    "ours": "ours",
    "seed": "(a) masked attention",
    "official": "(b) official I-JEPA",
    "ours in bfloat16": "ours in bfloat16",
}


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(met: bool) -> str:
    """Say whether a bar is met."""
    return "yes" if met else "**no**"


def machines(results: Results) -> str:
    """Say what each result was measured on."""
    rows = []
    for name, found in ((name, found) for name, found in results.items() if name != "reports"):
        machine, threads, repeats = (
            found["machine"],
            str(found["threads"]),
            str(found.get("repeats", "–")),
        )
        rows.append(
            [
                f"`{name}.json`",
                machine["processor"],
                machine["python"],
                machine["torch"],
                threads,
                repeats,
            ]
        )
    return markdown(["result", "processor", "Python", "torch", "threads", "best of"], rows)


def peers(results: Results) -> str:
    """Set our step beside the two other ways."""
    rows = []
    for preset, found in results["peers"]["sizes"].items():
        for way, speed in found["images_per_second"].items():
            gflop = found["gflop_per_image"].get(way, found["gflop_per_image"]["ours"])
            rate = gflop * speed
            faster = flops = ratio = "–"
            if way in ("seed", "official"):
                against = found[way]
                faster, flops = f"{against['speed_ratio']:.2f}", f"{against['flop_ratio']:.2f}"
                ratio = f"{against['speed_over_flop_ratio']:.2f}"
            rows.append(
                [
                    f"`{preset}`",
                    WAYS[way],
                    f"{gflop:.2f}",
                    f"{speed:.2f}",
                    f"{rate:.1f}",
                    flops,
                    faster,
                    ratio,
                ]
            )
    head = [
        "model",
        "implementation",
        "GFLOP / image",
        "images / s",
        "GFLOP / s",
        "its FLOPs / ours",
        "our speed / its",
        "speed ratio / FLOP ratio",
    ]
    return markdown(head, rows)


def peer_bars(results: Results) -> str:
    """Say whether our step reaches its bars against the seed's way."""
    rows = []
    for preset, found in results["peers"]["sizes"].items():
        for name, key in (("float32", "seed"), ("bfloat16", "bfloat16")):
            seen = found[key]
            measured = (
                f"{seen['speed_over_flop_ratio']:.2f}"
                if seen
                else f"{NOT_MEASURED}: the processor has no bfloat16"
            )
            bar, met = (f"{seen['bar']:.2f}", verdict(seen["met"])) if seen else ("–", "–")
            rows.append([f"`{preset}`", name, measured, bar, met])
    return markdown(["model", "precision", "speed ratio / FLOP ratio", "at least", "met"], rows)


def peer_data(results: Results) -> str:
    """Compare what making the batch costs."""
    rows = []
    for preset, found in results["peers"]["sizes"].items():
        for way, value in found["data_milliseconds_per_image"].items():
            alone, both = found["images_per_second"][way], found["images_per_second_with_data"][way]
            rows.append([f"`{preset}`", WAYS[way], f"{value:.2f}", f"{alone:.2f}", f"{both:.2f}"])
    return markdown(
        [
            "model",
            "implementation",
            "data and masks, ms / image",
            "images / s, step alone",
            "images / s with data",
        ],
        rows,
    )


def share_of(part: str, found: dict[str, Any]) -> str:
    """Write a part's share of a step."""
    return f"{found['share'][part]:.1%}" if part in found["share"] else "–"


def step(results: Results) -> str:
    """Split steps into parts."""
    profiles = results["step"]["profiles"]
    named = dict.fromkeys(part for found in profiles.values() for part in found["share"])
    parts = [
        "data",
        "masks",
        *(part for part in named if part not in ("data", "masks", "everything else")),
        "everything else",
    ]
    facts: dict[str, Callable[[dict[str, Any]], str]] = {
        "pixels / patch": lambda found: f"{found['image_size']} / {found['patch_size']}",
        "batch": lambda found: str(found["batch_size"]),
        **{part: partial(share_of, part) for part in parts},
        "data + masks": lambda found: f"{found['data_and_masks_share']:.1%}",
        "at most": lambda found: "–" if found["bar"] is None else f"{found['bar']:.0%}",
        "met": lambda found: "–" if found["bar"] is None else verdict(found["met"]),
        "images / s": lambda found: f"{found['images_per_second']:.1f}",
        "GFLOP / image": lambda found: f"{found['gflop_per_image']:.2f}",
        "GFLOP / s": lambda found: f"{found['gflop_per_second']:.1f}",
    }
    rows = [[name, *(fact(found) for found in profiles.values())] for name, fact in facts.items()]
    return markdown(["", *(f"`{name}`" for name in profiles)], rows)


def sigreg(results: Results) -> str:
    """Set our SIGReg beside the straightforward one and lightly's."""
    rows = []
    for found in results["sigreg"]["widths"]:
        for name in ("ours", "straightforward", "lightly"):
            seconds, held = found["seconds"][name], found["extra_bytes"][name]
            if seconds is None:
                rows.append([str(found["width"]), name, NOT_MEASURED, *["–"] * 7])
                continue
            kernel = f"{found['kernel_share'][name]:.0%}"
            row = [str(found["width"]), name, f"{1e3 * seconds:.1f}", kernel, f"{held / 1e6:.1f}"]
            if name != "ours":
                differs = found["relative_difference_from"][name]
                row += [
                    f"{found[key][name]:.1f}"
                    for key in ("times_faster_than", "times_less_memory_than")
                ]
                row += [f"{differs[key]:.1e}" for key in ("value", "gradient")]
            if name == "straightforward":
                row.append(verdict(_sigreg_met(found)))
            rows.append(row + ["–"] * (10 - len(row)))
    bars = (
        f"≥ {SIGREG_BARS['faster']:g}",
        f"≥ {SIGREG_BARS['less memory']:g}",
        *[f"≤ {SIGREG_BARS['difference']:.0e}"] * 2,
    )
    rows.append(["bar", "straightforward", "–", "–", "–", *bars, "–"])
    head = [
        "D",
        "implementation",
        "ms",
        "in the kernel",
        "extra MB",
        "faster ×",
        "less memory ×",
        "value differs by",
        "gradient differs by",
        "met",
    ]
    return markdown(head, rows)


def _sigreg_met(found: dict[str, Any]) -> bool:
    name = "straightforward"
    fast = found["times_faster_than"][name] >= SIGREG_BARS["faster"]
    small = found["times_less_memory_than"][name] >= SIGREG_BARS["less memory"]
    return (
        fast
        and small
        and max(found["relative_difference_from"][name].values()) <= SIGREG_BARS["difference"]
    )


def growth(results: Results) -> str:
    """List log-log slopes."""
    rows = []
    for name, letter in (("samples", "N"), ("width", "D"), ("directions", "K")):
        found = results["sigreg"]["growth"][name]
        rows.append(
            [
                "SIGReg",
                f"{letter}, {found['sizes'][0]} to {found['sizes'][-1]}",
                f"{found['slope']:.2f}",
                "–",
            ]
        )
    for name in ("batch", "tokens"):
        found = results["growth"][name]
        sizes = list(found["seconds_per_step"])
        slopes = f"{found['slope']:.2f}", f"{found['flop_slope']:.2f}"
        rows.append([f"step of `{found['preset']}`", f"{name}, {sizes[0]} to {sizes[-1]}", *slopes])
    return markdown(["cost of", "against", "slope of seconds", "slope of FLOPs"], rows)


def memory(results: Results) -> str:
    """Compare what is held with the bars."""
    rows = []
    for case, found in results["memory"]["cases"].items():
        if found is None:
            rows.append([f"frames {case} on a GPU", NOT_MEASURED, "–", "–"])
            continue
        rows += [
            [row["what"], _bytes(row["gb"]), _bytes(row["bar_gb"]), verdict(row["met"])]
            for row in found
        ]
    return markdown(["", "measured", "at most", "met"], rows)


def _bytes(gigabytes: float) -> str:
    return f"{gigabytes:.2f} GB" if abs(gigabytes) >= 0.1 else f"{1e3 * gigabytes:.1f} MB"


def compiled(results: Results) -> str:
    """Say what compiling costs and gains."""
    rows = []
    for preset, found in results["compiled"]["presets"].items():
        times = found["milliseconds_per_step"]
        row = [
            f"`{preset}`",
            str(found["batch_size"]),
            f"{found['compile_seconds']:.0f}",
            f"{times['eager']:.0f}",
        ]
        row += [
            f"{times['compiled']:.0f}",
            f"{found['speed_ratio'] - 1:+.1%}",
            f"{found['loss_difference']:.0e}",
        ]
        rows.append([*row, f"{found['loss_bar']:.0e}", verdict(found["met"])])
    head = [
        "model",
        "batch",
        "compile, s",
        "eager, ms",
        "compiled, ms",
        "gain",
        "loss differs by",
        "at most",
        "met",
    ]
    return markdown(head, rows)


def embedding(results: Results) -> str:
    """Set an embedding's speed beside that of before, with the accuracy that is lost."""
    found, bars = results["embedding"], results["embedding"]["bars"]
    rows = []
    for way, milliseconds in found["embedding"]["milliseconds"].items():
        faster = found["embedding"]["times_faster"][way]
        row = [way, f"{milliseconds:.1f}", f"{faster:.2f}", "–", "–"]
        if way in bars:
            row[3:] = f"{bars[way]:g}", verdict(faster >= bars[way])
        rows.append([*row, *_lost(found["accuracy"], way)])
    tested = list(found["accuracy"] or ())
    head = [f"`{found['model']}`", "ms / galaxy", "times faster", "at least", "met"]
    return markdown(
        [
            *head,
            *[f"{name}, validation" for name in tested],
            *[f"{name}, neighbours kept" for name in tested],
        ],
        rows,
    )


def _lost(accuracy: Results | None, way: str) -> list[str]:
    """Give the linear accuracy and the share of nearest neighbours that stay, per benchmark."""
    tested = list((accuracy or {}).values())
    if way not in (tested[0]["neighbours"] if tested else ()):
        return ["–"] * 2 * len(tested)
    cells = []
    for one in tested:
        gap, low, high = (100 * value for value in one["difference"][way])
        cells.append(
            f"{one['linear_accuracy'][way]:.1%}"
            + (f" ({gap:+.1f} [{low:+.1f}, {high:+.1f}])" if low or high else "")
        )
    return cells + [f"{one['neighbours'][way]:.1%}" for one in tested]


def steps_in_bfloat16(results: Results) -> str:
    """Set a step in bfloat16 beside that of before."""
    bar, rows = results["embedding"]["bars"]["step"], []
    for preset, found in results["embedding"]["steps"].items():
        times = [f"{found['milliseconds'][way]:.0f}" for way in ("float32", "before", "now")]
        differs = f"{found['loss_difference']:.0e}"
        row = [
            f"`{preset}`",
            str(found["batch_size"]),
            *times,
            f"{found['times_faster']:.2f}",
            f"{bar:g}",
        ]
        rows.append([*row, verdict(found["times_faster"] >= bar), differs])
    head = [
        "model",
        "batch",
        "float32, ms",
        "bfloat16 before, ms",
        "bfloat16 now, ms",
        "times faster",
        "at least",
        "met",
    ]
    return markdown([*head, "loss differs by"], rows)


def throughput(results: Results) -> str:
    """Compare a GPU with its bars, where one was measured."""
    rows = []
    for preset, bar in BARS.items():
        found = results.get(f"throughput.{preset}.cuda")
        asked = (
            bar * H200_TFLOPS * 1e3 / results["peers"]["sizes"][preset]["gflop_per_image"]["ours"]
        )
        command = f"`python -m benchmarks.throughput --preset {preset} --device cuda`"
        speed = share = NOT_MEASURED
        met = "–"
        if found:
            speed, share = (
                f"{found['images_per_second']:,.0f} ({found['device']})",
                f"{found['share_of_peak']:.1%}",
            )
            met = verdict(found["share_of_peak"] >= bar)
        rows.append(
            [
                f"`{preset}`",
                speed,
                share,
                f"{bar:.0%} of {H200_TFLOPS:.0f} TFLOP/s: {asked:,.0f} images / s",
                met,
                command,
            ]
        )
    return markdown(["model", "images / s", "share of peak", "at least", "met", "command"], rows)


TABLES: dict[str, Callable[[Results], str]] = {
    function.__name__: function
    for function in (
        machines,
        peers,
        peer_bars,
        peer_data,
        step,
        sigreg,
        growth,
        memory,
        compiled,
        embedding,
        steps_in_bfloat16,
        throughput,
    )
}
