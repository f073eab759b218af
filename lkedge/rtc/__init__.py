from lkedge.rtc.lean_imports import put_off_mdns

put_off_mdns()
