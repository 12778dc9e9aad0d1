#!/bin/sh
# push.sh URL SECONDS [KEYFRAME_INTERVAL_FRAMES] [WIDTH HEIGHT]: encodes clock.py and pushes it by RTMP.
here=$(dirname "$0"); width=${4:-640}; height=${5:-352}
python3 "$here/clock.py" 30 "$2" "$width" "$height" | ${FFMPEG:-ffmpeg} -hide_banner -loglevel error -fflags nobuffer \
  -use_wallclock_as_timestamps 1 -f rawvideo -pix_fmt gray -s "${width}x$height" -r 30 -i pipe:0 \
  -f lavfi -i sine=frequency=440:sample_rate=44100 -map 0:v -map 1:a -c:v libx264 -preset ultrafast -tune zerolatency \
  -pix_fmt yuv420p -g "${3:-30}" -keyint_min "${3:-30}" -sc_threshold 0 -b:v 1500k -maxrate 1500k -bufsize 1500k \
  -c:a aac -b:a 96k -t "$2" -f flv "$1"
