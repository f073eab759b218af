# Made by tools/make_completions.py from the parsers; do not edit.

complete -c lkedgectl -f
complete -c lkedgectl -s h -l help -d 'show this help message and exit'
complete -c lkedgectl -l socket -r -F -d 'socket of the daemon (default: /run/lkedge/control.sock)'
complete -c lkedgectl -l instance -x -d 'the daemon of lkedge@NAME.service'
complete -c lkedgectl -l json -d 'print what the daemon replied, as JSON'
complete -c lkedgectl -l version -d 'show program\'s version number and exit'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a status -d 'show the connection and every track'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a tracks -d 'list the tracks, one line each'
complete -c lkedgectl -n '__fish_seen_subcommand_from tracks' -l names -d 'only the names'
complete -c lkedgectl -n '__fish_seen_subcommand_from tracks' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a layers -d 'list the simulcast layers, and why one is off'
complete -c lkedgectl -n '__fish_seen_subcommand_from layers' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a top -d 'show the tracks and layers, again and again'
complete -c lkedgectl -n '__fish_seen_subcommand_from top' -l interval -x -d 'time between two (default: 1)'
complete -c lkedgectl -n '__fish_seen_subcommand_from top' -l count -x -d 'end after so many (default: never)'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a events -d 'print what changes, as it happens'
complete -c lkedgectl -n '__fish_seen_subcommand_from events' -l count -x -d 'end after so many (default: never)'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a controls -d 'list the controls of a track\'s device'
complete -c lkedgectl -n '__fish_seen_subcommand_from controls' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a plugins -d 'list the plugins, and why one does not work'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a devices -d 'list cameras and microphones, with configuration to paste'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a mute -d 'mute tracks: they stay published and send nothing'
complete -c lkedgectl -n '__fish_seen_subcommand_from mute' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from mute' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a unmute -d 'undo mute'
complete -c lkedgectl -n '__fish_seen_subcommand_from unmute' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from unmute' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a enable -d 'start and publish tracks that are disabled'
complete -c lkedgectl -n '__fish_seen_subcommand_from enable' -l source -x -a 'camera microphone screen_share screen_share_audio' -d 'all tracks that are published as this'
complete -c lkedgectl -n '__fish_seen_subcommand_from enable' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from enable' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a disable -d 'stop and unpublish tracks; devices are released'
complete -c lkedgectl -n '__fish_seen_subcommand_from disable' -l source -x -a 'camera microphone screen_share screen_share_audio' -d 'all tracks that are published as this'
complete -c lkedgectl -n '__fish_seen_subcommand_from disable' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from disable' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a add -d 'add a track'
complete -c lkedgectl -n '__fish_seen_subcommand_from add' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a remove -d 'remove tracks'
complete -c lkedgectl -n '__fish_seen_subcommand_from remove' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from remove' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a set -d 'change a track, one of its layers, or a control of its device'
complete -c lkedgectl -n '__fish_seen_subcommand_from set' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n '__fish_seen_subcommand_from set' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n '__fish_seen_subcommand_from set' -a 'q h f single control'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a snapshot -d 'save the present picture as JPEG'
complete -c lkedgectl -n '__fish_seen_subcommand_from snapshot' -s o -l output -r -F -d 'where to (default: TRACK.jpg; - is standard output)'
complete -c lkedgectl -n '__fish_seen_subcommand_from snapshot' -l width -x -d 'scaled to this width'
complete -c lkedgectl -n '__fish_seen_subcommand_from snapshot' -a '(lkedgectl tracks --names 2>/dev/null)' -d track
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a permissions -d 'show or set who may subscribe'
complete -c lkedgectl -n '__fish_seen_subcommand_from permissions' -l everyone -d 'all participants may subscribe to all tracks'
complete -c lkedgectl -n '__fish_seen_subcommand_from permissions' -l nobody -d 'nobody may subscribe'
complete -c lkedgectl -n '__fish_seen_subcommand_from permissions' -l allow -x -d 'only those named may, to all tracks or those named; any number of times'
complete -c lkedgectl -n '__fish_seen_subcommand_from permissions' -l persist -d 'keep it over restarts of the daemon'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a reload -d 'read the configuration again and apply what differs'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a reconnect -d 'connect now, without waiting for the next attempt'
complete -c lkedgectl -n 'not __fish_seen_subcommand_from status tracks layers top events controls plugins devices mute unmute enable disable add remove set snapshot permissions reload reconnect log-level' -a log-level -d 'show or set what is logged'
complete -c lkedgectl -n '__fish_seen_subcommand_from log-level' -l logger -x -d 'only of this part, such as "rtc.dtls"'
complete -c lkedgectl -n '__fish_seen_subcommand_from log-level' -a 'debug info warning error'
