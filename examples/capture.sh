#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Records a capture card: YUY2 or UYVY through yuy2convert into the best H.264 or H.265 encoder
# that this machine has, on the card where there is one.
#   examples/capture.sh test [FILE]               a test picture, 1080p60, ten seconds
#   examples/capture.sh v4l2 [FILE [DEVICE]]      a V4L2 card or camera (YUY2), until Ctrl-C
#   examples/capture.sh decklink [FILE [NUMBER]]  a DeckLink card (UYVY, 1080p60), until Ctrl-C
# SIZE=WIDTHxHEIGHT and FPS=N change the picture of the first two. FILE is capture.mkv.
set -eu
source=${1:-}
file=${2:-capture.mkv}
width=${SIZE:-1920x1080}
height=${width#*x}
width=${width%x*}
fps=${FPS:-60}

case $source in
  test)
    in="videotestsrc is-live=true num-buffers=$((10 * fps)) ! video/x-raw,format=YUY2,width=$width,height=$height,framerate=$fps/1" ;;
  v4l2)
    # userptr: the driver fills the pinned memory that yuy2convert proposes. A driver that
    # cannot says so at once; io-mode=auto works with all.
    in="v4l2src device=${3:-/dev/video0} io-mode=${IO_MODE:-userptr} ! video/x-raw,format=YUY2,width=$width,height=$height,framerate=$fps/1" ;;
  decklink)
    in="decklinkvideosrc device-number=${3:-0} mode=1080p60 video-format=8bit-yuv" ;;
  *)
    sed -n '3,9s/^# \{0,1\}//p' "$0" >&2
    exit 64 ;;
esac

# the encoders of the card's memory under both of their names, then the processor's
for encoder in nvcudah265enc nvh265enc nvcudah264enc nvh264enc 'x264enc tune=zerolatency speed-preset=veryfast' openh264enc; do
  gst-inspect-1.0 --exists "${encoder%% *}" && break
  encoder=
done
[ -n "$encoder" ] || { echo "no H.264 or H.265 encoder: install gstreamer1.0-plugins-ugly" >&2; exit 69; }
case $encoder in
  *h265*) parser=h265parse ;;
  *) parser=h264parse ;;
esac

echo "$in ! yuy2convert ! $encoder ! $parser ! matroskamux ! filesink location=$file" >&2
# shellcheck disable=SC2086
exec gst-launch-1.0 -e $in ! yuy2convert ! queue ! $encoder ! $parser ! matroskamux ! filesink location="$file"
