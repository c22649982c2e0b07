"""What automation does with netmiko, to which the switch is a cisco_nxos: show,
configure, save, copy a file in and out by SCP, roll back. The argument is the
address of the switch and a directory for files."""

import os
import sys

from netmiko import ConnectHandler, file_transfer

host, directory = sys.argv[1:]
os.chdir(directory)
with open("vlans.cfg", "w") as f:
    f.write("vlan 654\n  name copied\n")

switch = ConnectHandler(device_type="cisco_nxos", host=host, username="admin", password="admin")


def check(what, ok, shown):
    if not ok:
        sys.exit("%s: %s" % (what, shown))


prompt = switch.find_prompt()
check("prompt", prompt.endswith("#"), prompt)
shown = switch.send_command("show version")
check("show version", "uptime" in shown and "More" not in shown, shown)
shown = switch.send_command("checkpoint automation")
check("checkpoint", "%" not in shown and "ERROR" not in shown, shown)

shown = switch.send_config_set(["vlan 655", "name typed"])
check("configure", "% " not in shown and "ERROR" not in shown, shown)
shown = switch.send_command("show running-config vlan 655")
check("configured", "name typed" in shown, shown)

done = file_transfer(switch, source_file="vlans.cfg", dest_file="in.cfg", file_system="bootflash:", direction="put", overwrite_file=True)
check("put", done["file_exists"] and done["file_transferred"] and done["file_verified"], done)
shown = switch.send_command("copy bootflash:in.cfg running-config")
check("merge", "Copy complete" in shown, shown)
shown = switch.send_command("show running-config vlan 654 > bootflash:out.cfg")
check("redirection", shown.strip() == "", shown)
done = file_transfer(switch, source_file="out.cfg", dest_file="out.cfg", file_system="bootflash:", direction="get", overwrite_file=True)
check("get", done["file_exists"] and done["file_transferred"] and done["file_verified"], done)
with open("out.cfg") as f:
    text = f.read()
check("file", "name copied" in text, text)

shown = switch.save_config(cmd="copy running-config startup-config")
check("save", "Copy complete." in shown, shown)
shown = switch.send_command("rollback running-config checkpoint automation")
check("rollback", "Rollback completed successfully." in shown, shown)
shown = switch.send_command("show running-config vlan")
check("rolled back", "name copied" not in shown and "name typed" not in shown, shown)
switch.disconnect()
