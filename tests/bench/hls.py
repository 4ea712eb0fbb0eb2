#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hlsalignsink beside hlssink2 and ffmpeg, on one file, in one run.

    meson devenv -C build tests/bench/hls.py [--seconds 600] [--runs 5] [--segments 10000] [--instructions]

Each packager copies the same H.264 and MP3 into segments of 1 s. Printed: CPU seconds
(user + system) of the whole process and of the part over a fakesink; instructions
where perf or valgrind is there; bytes over the elementary streams; the boundary
error of an audio-only run; the largest resident size. Medians of the runs. Then the
largest resident size of a live list of 5 segments after a tenth of --segments and
after all of them, of a small picture: what grows with the segments shows there.
"""
import argparse
import glob
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading


LIMIT = 60


def run(words):
    """CPU seconds and peak resident KiB of one child; one that hangs is run again."""
    for _ in range(5):
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ])
        timer = threading.Timer(LIMIT, os.kill, (pid, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(pid, 0)
        timer.cancel()
        if status == 0:
            return usage.ru_utime + usage.ru_stime, usage.ru_maxrss
        if not os.WIFSIGNALED(status):
            break
        print(f"hls.py: hung for {LIMIT} s: {' '.join(words)}", file=sys.stderr)
    sys.exit(f"hls.py: failed ({status}): {' '.join(words)}")


def counted(words, log, pattern):
    """What @pattern finds in @log after a run, or None; a run that hangs is done again."""
    for _ in range(3):
        done = subprocess.run(["timeout", "-s", "KILL", str(5 * LIMIT)] + words,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        with open(log) as f:
            found = re.search(pattern, f.read(), re.M)
        if done.returncode == 0:
            return int(found.group(1)) / 1e6 if found else None
    return None


def instructions(words, folder):
    """Instructions in millions, or None."""
    log = os.path.join(folder, "count")
    if shutil.which("perf"):
        perf = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", log]
        # many virtual machines have no such counter
        if counted(perf + ["true"], log, r"^(\d+),") is not None:
            return counted(perf + words, log, r"^(\d+),")
    if shutil.which("valgrind"):
        return counted(["valgrind", "--tool=callgrind",
                        "--callgrind-out-file=/dev/null",
                        f"--log-file={log}"] + words, log, r"Collected : (\d+)")
    return None


def durations(playlist):
    with open(playlist) as f:
        return [float(x) for x in re.findall(r"#EXTINF:([0-9.]+)", f.read())]


def encode(media, seconds, size, rate, bitrate, sound):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    f"testsrc2=size={size}:rate={rate}:duration={seconds}",
                    "-f", "lavfi", "-i",
                    f"sine=sample_rate=48000:duration={seconds}",
                    "-c:v", "libx264", "-preset", "ultrafast", "-tune",
                    "zerolatency", "-b:v", bitrate, "-maxrate", bitrate,
                    "-bufsize", bitrate, "-g", str(rate), "-sc_threshold", "0",
                    "-ac", "2", "-c:a", "libmp3lame",
                    "-compression_level", "9", "-b:a", sound, media],
                   check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--segments", type=int, default=10000,
                        help="of the run for memory; 0: none")
    parser.add_argument("--instructions", action="store_true",
                        help="count them too; slow without perf")
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="bench-hls-")
    media = os.path.join(work, "in.mkv")
    encode(media, args.seconds, "640x360", 30, "1500k", "128k")
    sizes = subprocess.run(["ffprobe", "-v", "error", "-show_entries",
                            "packet=size", "-of", "csv=p=0", media],
                           check=True, capture_output=True, text=True).stdout
    elementary = sum(int(x.strip(",")) for x in sizes.split())
    video = "d.video_0 ! queue ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au !"
    audio = "d.audio_0 ! queue ! mpegaudioparse !"

    def gst(sink, tracks="va", source=media, listed=0):
        options = (f"target-duration=1 playlist-length={listed} "
                   f"max-files={2 * listed} location={{o}}/s%05d.ts "
                   "playlist-location={o}/index.m3u8")
        line = ["gst-launch-1.0", "-q"]
        line += f"filesrc location={source} ! matroskademux name=d".split()
        if sink is None:
            line += (video + " fakesink sync=false async=false " + audio
                     + " fakesink sync=false async=false").split()
        else:
            line += f"{sink} name=h {options}".split()
            if "v" in tracks:
                line += (video + " h.video").split()
            line += (audio + " h.audio").split()
        return line

    def ffmpeg(tracks="va", source=media, listed=0):
        line = ["ffmpeg", "-v", "error", "-i", source, "-c", "copy"]
        if "v" not in tracks:
            line += ["-vn"]
        line += f"-f hls -hls_time 1 -hls_list_size {listed}".split()
        if listed > 0:
            line += ["-hls_flags", "delete_segments"]
        return line + ["{o}/index.m3u8"]

    makers = {
        "fakesink": lambda *a: gst(None, *a),
        "hlsalignsink": lambda *a: gst("hlsalignsink", *a),
        "hlssink2": lambda *a: gst("hlssink2", *a),
        "ffmpeg": ffmpeg,
    }
    print(f"{args.seconds} s of 640x360 H.264 at 30/s and MP3 128 kbit/s, T = 1 s, "
          f"median of {args.runs}")
    print(f"{'':14}{'CPU s':>8}{'over fakesink':>15}{'ratio':>8}{'Minstr':>10}"
          f"{'bytes over':>12}{'RSS MiB':>9}{'segments':>10}"
          f"{'audio grid error ms':>21}")
    base = ours = None
    for name, maker in makers.items():
        cpu, rss = [], []
        folder = os.path.join(work, name)
        for _ in range(args.runs):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
            words = [w.replace("{o}", folder) for w in maker("va")]
            c, r = run(words)
            cpu.append(c)
            rss.append(r)
        files = glob.glob(os.path.join(folder, "*.ts"))
        total = sum(os.path.getsize(f) for f in files)
        count = instructions(words, work) if args.instructions else None
        error = None
        if name != "fakesink":
            shutil.rmtree(folder)
            os.mkdir(folder)
            run([w.replace("{o}", folder) for w in maker("a")])
            at, error = 0.0, 0.0
            for k, d in enumerate(durations(os.path.join(
                    folder, "index.m3u8"))[:-1]):
                at += d
                error = max(error, abs(at - (k + 1)) * 1000)
        cpu, rss = statistics.median(cpu), statistics.median(rss)
        n = len(files)
        base = base or cpu
        over = cpu - base
        ours = ours or over
        print(f"{name:14}{cpu:8.2f}"
              + (f"{over:15.2f}{over / ours:8.2f}" if name != "fakesink"
                 else f"{'':23}")
              + (f"{count:10.0f}" if count else f"{'-':>10}")
              + (f"{100 * (total / elementary - 1):11.2f}%" if n else f"{'':12}")
              + f"{rss / 1024:9.1f}{n or '':>10}"
              + (f"{error:21.1f}" if error is not None else ""), flush=True)
    if args.segments >= 10:
        lengths = (args.segments // 10, args.segments)
        sources = [os.path.join(work, f"{n}.mkv") for n in lengths]
        for source, n in zip(sources, lengths):
            encode(source, n, "64x48", 5, "40k", "64k")
        print(f"\nlive list of 5: RSS MiB after {lengths[0]} and {lengths[1]} "
              "segments, and bytes a segment between them")
        for name, maker in makers.items():
            if name == "fakesink":
                continue
            peaks = []
            for source in sources:
                folder = os.path.join(work, name)
                shutil.rmtree(folder, ignore_errors=True)
                os.mkdir(folder)
                peaks.append(run([w.replace("{o}", folder) for w in
                                  maker("va", source, 5)])[1])
            grown = (peaks[1] - peaks[0]) * 1024 / (lengths[1] - lengths[0])
            print(f"{name:14}{peaks[0] / 1024:8.1f}{peaks[1] / 1024:8.1f}"
                  f"{grown:10.0f}", flush=True)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
