"""Configuration of tracks for the lab, small enough for an emulated machine."""

WEBCAM = """
[[track]]
name = "webcam"
source = "v4l2"
v4l2 = { device = "/dev/lab/webcam", input_format = "yuyv", stall_after = 20 }
capture = { width = 640, height = 360, framerate = 5 }
publish = { video_codec = "vp8", simulcast = false }
"""

PATTERN = """
[[track]]
name = "pattern"
source = "testsrc"
capture = { width = 320, height = 180, framerate = 5 }
publish = { video_codec = "vp8", simulcast = false }
"""

CAMERA = """
[[track]]
name = "camera"
source = "picamera2"
picamera2 = { camera = "Sensor", stall_after = 20 }
capture = { width = 320, height = 180, framerate = 5 }
publish = { video_codec = "vp8", simulcast = false }
"""
"""vimc's "Sensor B", or the "Sensor V" of faults.aborting_camera."""

HDMI = """
[[track]]
name = "hdmi"
source = "hdmi"
hdmi = { device = "/dev/lab/hdmi", stall_after = 30 }
capture = { width = 320, height = 180, framerate = 5 }
publish = { video_codec = "vp8", simulcast = false }
"""
