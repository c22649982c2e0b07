package feature_test

import (
	"strings"
	"testing"

	"trunkline/feature/featuretest/scrape"
)

// Cells of tables. Interfaces have short names in tables (cli.md §1), reasons are
// those of §11.4.
const (
	ethCell   = `Eth\d+/\d+`
	vethCell  = `Veth\d+`
	portCell  = ethCell + `|` + vethCell
	allCell   = `mgmt0|` + portCell
	longCell  = `mgmt0|Ethernet\d+/\d+|Vethernet\d+`
	number    = `\d+`
	updown    = `up|down`
	macCell   = `[\da-f]{4}\.[\da-f]{4}\.[\da-f]{4}`
	uuidCell  = `[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}`
	addrCell  = `[\da-f.:]+`
	textCell  = `\S.*`
	someText  = `|\S.*`
	wordCell  = `\S+`
	vlansCell = `none|\d+(-\d+)?(,\d+(-\d+)?)*`
	speedCell = `auto|\d+|\d+G`
	dateCell  = `\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`

	reasonCell = `none|Administratively down|Link not connected|inactive|nonParticipating|VEM absent|VEM headless|` +
		`Port profile disabled|quarantine|suspended|No operational members|BPDU guard errDisable|psecure errDisable|` +
		`storm errDisable|errDisabled|vlan suspended|Initializing|hardware failure`
	spanCell = `\d+ days, \d+ hours, \d+ minutes, \d+ seconds`
)

func dashes(n int) scrape.Pattern { return scrape.Literal(strings.Repeat("-", n)) }

// layout is a screen of cli.md §11: all kinds of lines that it has.
type layout struct {
	line string
	// each is printed by a chassis with many ports; maybe need not be.
	each, maybe []scrape.Pattern
}

type kinds = []scrape.Pattern

// literals are headings.
func literals(text string) (all kinds) {
	for line := range strings.Lines(text) {
		all = append(all, scrape.Literal(strings.TrimSuffix(line, "\n")))
	}
	return all
}

// lines are lines without columns, by pattern.
func patterns(all ...string) (out kinds) {
	for _, p := range all {
		out = append(out, scrape.Line(p))
	}
	return out
}

func join(all ...kinds) (out kinds) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

func row(format string, cells ...string) kinds {
	return kinds{scrape.Row(format, cells...)}
}

// layouts are those of cli.md §11 whose features exist, in its order.
var layouts = []layout{
	{line: "show version", each: join(literals(`
Open Virtual Switch Supervisor, NX-OS compatible Software
Software
Hardware
  cisco compatible-vswitch Chassis ("Virtual Supervisor Module")
  Service:
plugin
  Core Plugin, Ethernet Plugin, Virtualization Plugin
`), patterns(`Documents and source: \S.*`, `  BIOS: version \S+`, `  NXOS: version \S+`, `  BIOS compile time:  \d+/\d+/\d+`, `  NXOS image file is: bootflash:///\S+`,
		`  NXOS compile time:  \d+/\d+/\d+ \d\d:\d\d:\d\d \[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\]`, `  \S.* with \d+ kB of memory\.`, `  Processor Board ID \S+`,
		`  Device name: \S+`, `  bootflash: +\d+ kB`, `Kernel uptime is \d+ day\(s\), \d+ hour\(s\), \d+ minute\(s\), \d+ second\(s\)`,
		`Last reset at \d+ usecs after  `+dateCell, `  Reason: \S.*`, `  System version: \S+`))},
	{line: "show module", each: join(literals(`
Mod  Ports  Module-Type                         Model              Status
---  -----  ----------------------------------- ------------------ ------------
Mod  Sw                  Hw
---  ------------------  ------------------------------------------------
Mod  MAC-Address(es)                         Serial-Num
---  --------------------------------------  ----------
Mod  Server-IP        Server-UUID                           Server-Name
---  ---------------  ------------------------------------  --------------------
* this terminal session
`), row("%-4d %-6d %-35s %-18s %s", number, number, `\S+( \S+)+`, wordCell, `active \*|ha-standby|standby|ok|initializing|testing|powered-up|powered-dn|present`),
		row("%-4d %-16s %-37s %s", number, `[\d.:a-f]{7,16}|NA`, uuidCell+`|NA`, wordCell),
		row("%-4d %-39s %s", number, `[\da-f]{2}(-[\da-f]{2}){5} to [\da-f]{2}(-[\da-f]{2}){5}`, wordCell), row("%-4d %-19s %s", number, wordCell, textCell))},
	{line: "show module vem mapping", each: join(literals(`Mod     Status          UUID                                    Control Status
---     -----------     ------------------------------------    --------------
`), row("%3d     %-15s %-39s %s", number, `powered-up|absent`, uuidCell+`|NA`, `connected|headless|never-seen`))},
	{line: "show module vem missing", each: join(literals(`Mod  Server-IP        Server-UUID                           Server-Name
---  ---------------  ------------------------------------  --------------------
`), row("%-4d %-16s %-37s %s", number, addrCell+`|NA`, uuidCell+`|NA`, wordCell))},
	{line: "show module vem counters", each: join(literals(`-------------------------------------------------------------------------------
Mod  InNR  OutMI  InMI  OutHBeats   InHBeats  InsCnt  RemCnt   TxErrs
`), patterns(` *\d+( +\d+){8}`))},
	{line: "show module uptime", each: patterns(`------ Module \d+ -----`, `Module Start Time:   `+dateCell,
		`Up Time:             \d+ day\(s\), \d+ hour\(s\), \d+ minute\(s\), \d+ second\(s\)`)},
	{line: "show interface brief", each: join(kinds{dashes(80)}, literals(`
Port   VRF          Status IP Address                              Speed    MTU
Ethernet      VLAN    Type Mode   Status  Reason                   Speed     Port
Interface                                                                    Ch #
`), row("%-6s %-12s %-6s %-39s %-8s %s", `mgmt0`, `--`, updown, addrCell+`|--`, speedCell, number),
		row("%-13s %-7s %-4s %-6s %-7s %-24s%10s %s", portCell, number, `eth|virt`, `access|trunk|pvlan|routed|f-path`, updown, reasonCell, `(`+speedCell+`)\([DI]\)`, `\d+|--`),
		literals(`Port       Status Reason                         MTU
`), row("%-10s %-6s %-30s %s", `nve\d+`, updown, reasonCell, number))},
	{line: "show interface vethernet brief", each: join(kinds{dashes(80)}, literals(`Vethernet     VLAN/     Type Mode   Status  Reason                   MTU   Module
              Segment
`), row("%-13s %-9s %-4s %-6s %-7s %-24s %-5s %s", vethCell, number, `virt`, `access|trunk`, updown, reasonCell, number, `\d+|-`))},
	{line: "show interface status", each: join(kinds{dashes(80)}, literals(`Port          Name               Status    Vlan      Duplex  Speed   Type
`), row("%-13s %-18s %-9s %-9s %-7s %-7s %s", allCell, textCell, `connected|notconnec|disabled|down|xcvrAbsen|channelDo|noOperMem`, `\d+|trunk|routed|--`,
		`full|auto`, speedCell, wordCell))},
	{line: "show interface description", each: join(kinds{dashes(79)}, literals(`
Interface                Description
Port          Type   Speed   Description
`), row("%-24s %s", `mgmt0|nve\d+`, textCell), row("%-13s %-6s %-7s %s", portCell, `eth|virt`, speedCell, textCell))},
	{line: "show interface", each: interfaceBlock},
	{line: "show interface vethernet 1 detail", each: patterns(`Vethernet1 is up`, `  Owner is (VM|workload) "\S+", adapter is \S+`, `  Active on module 3`, `  Host port is \S+ \(\S+\)`,
		`  Port-Profile is \S+`, `  Binding is static(, created `+dateCell+`)?`, `  5 minute (input|output) rate \d+ bits/second, \d+ packets/second`), maybe: interfaceBlock},
	{line: "show interface counters", each: join(kinds{dashes(82)}, literals(`
Port                                 InOctets                      InUcastPkts
Port                              InMcastPkts                      InBcastPkts
Port                                OutOctets                     OutUcastPkts
Port                             OutMcastPkts                     OutBcastPkts
`), row("%-11s %33s %32s", allCell, number, number))},
	{line: "show interface counters errors", each: join(kinds{dashes(80)}, literals(`
Port         Align-Err     FCS-Err    Xmit-Err     Rcv-Err   UnderSize OutDiscards
Port        Single-Col   Multi-Col    Late-Col   Exces-Col   Carri-Sen       Runts
Port            Giants SQETest-Err Deferred-Tx IntMacTx-Er IntMacRx-Er  Symbol-Err
Port        InDiscards
Port       Stomped-CRC
`), row("%-10s%12s%12s%12s%12s%12s%12s", portCell, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`), row("%-10s%12s", portCell, `\d+|--`)),
		// A name of eleven characters takes from the first gap.
		maybe: join(row("%-11s%11s%12s%12s%12s%12s%12s", `Veth\d{7}`, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`, `\d+|--`), row("%-11s%11s", `Veth\d{7}`, `\d+|--`))},
	{line: "show interface switchport", each: patterns(`Name: (Ethernet\d+/\d+|Vethernet\d+)`, `  Switchport: Enabled`, `  Switchport Monitor: Not enabled`, `  Operational Mode: (access|trunk)`,
		`  Access Mode VLAN: \d+ \((\S+|Vlan not created)\)`, `  Trunking Native Mode VLAN: \d+ \((\S+|Vlan not created)\)`, `  Trunking VLANs Allowed: (`+vlansCell+`)`,
		`  Administrative private-vlan (primary host-association|secondary host-association|primary mapping|secondary mapping|trunk native VLAN|trunk normal VLANs|trunk private VLANs): none`,
		`  Administrative private-vlan trunk encapsulation: dot1q`, `  Operational private-vlan: none`)},
	{line: "show interface trunk", each: join(kinds{dashes(80)}, literals(`
Port          Native  Status        Port
              Vlan                  Channel
Port          Vlans Allowed on Trunk
Port          Vlans Err-disabled on Trunk
Port          STP Forwarding
Port          Vlans in spanning tree forwarding state and not pruned
`), row("%-13s %-7s %-13s %s", portCell, number, `trnk-bndl|trunking|not-trunking`, `Po\d+|--`), row("%-13s %s", `(`+portCell+`)?`, vlansCell))},
	{line: "show interface snmp-ifindex", each: join(kinds{dashes(80)}, literals(`Port            IFMIB      Ifindex (hex)
`), row("%-15s %-10d (0x%s", allCell, number, `[\da-f]+\)`))},
	{line: "show interface virtual", each: join(kinds{dashes(79)}, literals(`
Port        Adapter        Owner                    Mod Host
`), row("%-11s %-14s %-24s %3s %s", vethCell, textCell, textCell, `\d+|-`, wordCell))},
	{line: "show interface virtual port-mapping", each: join(kinds{dashes(79)}, literals(`
Port        Hypervisor Port  Binding Type  Status    Reason
`), row("%-11s %-16s %-13s %-9s %s", vethCell, wordCell, `static|dynamic|ephemeral`, updown, reasonCell))},
	{line: "show vlan", each: join(literals(`
VLAN Name                             Status    Ports
---- -------------------------------- --------- -------------------------------
VLAN Type         Vlan-mode
---- -----        ----------
Remote SPAN VLANs
-------------------------------------------------------------------------------
Primary  Secondary  Type             Ports
-------  ---------  ---------------  -------------------------------------------
`), vlanRows, patterns(`\d+ {1,4}enet         CE`))},
	{line: "show vlan brief", each: join(literals(`
VLAN Name                             Status    Ports
---- -------------------------------- --------- -------------------------------
`), vlanRows)},
	{line: "show vlan id 20", each: join(literals(`
VLAN Name                             Status    Ports
---- -------------------------------- --------- -------------------------------
VLAN Type         Vlan-mode
---- -----        ----------
`), vlanRows[:1], patterns(`20   enet         CE`)), maybe: append(vlanRows[1:], literals(`
Remote SPAN VLANs
-------------------------------------------------------------------------------
Primary  Secondary  Type             Ports
-------  ---------  ---------------  -------------------------------------------
`)...)},
	{line: "show vlan summary", each: patterns(`Number of existing VLANs           : \d+`, ` Number of existing user VLANs     : \d+`, ` Number of existing extended VLANs : \d+`)},
	{line: "show mac address-table", each: join(literals(`Legend:
        * - primary entry, G - Gateway MAC, (R) - Routed MAC, O - Overlay MAC
        age - seconds since last seen,+ - primary entry using vPC Peer-Link,
        (T) - True, (F) - False, C - ControlPlane MAC, ~ - vsan
   VLAN     MAC Address      Type      age     Secure NTFY Ports
---------+-----------------+--------+---------+------+----+------------------
`), row("%s %-8s %-16s %-8s %-9s %-6s %-4s %s", `\*|C`, number, macCell, `static|dynamic`, `\d+|-`, `F|T`, `F|T`, wordCell))},
	{line: "show mac address-table module 3", each: join(literals(`VLAN      MAC Address       Type    Age       Port                           Mod
---------+-----------------+-------+---------+------------------------------+---
`), patterns(`Total MAC Addresses: \d+`), row("%-9s %-17s %-7s %-9s %-30s %s", number, macCell, `static|dynamic`, `\d+`, textCell, number))},
	{line: "show mac address-table count", each: join(literals(`MAC Entries for all vlans:
`), row("%-52s%s", `  (Dynamic Address|Static Address \(User-defined\)|Secure Address) Count:`, number))},
	{line: "show mac address-table aging-time", each: join(literals(`Vlan   Aging Time
----   ----------
`), row("%-6s %s", `\d+|-`, number))},
	{line: "show port-profile", each: append(profileBlock, scrape.Literal(""))},
	{line: "show port-profile name WEB", each: profileBlock},
	{line: "show port-profile brief", each: join(kinds{dashes(80)}, literals(`Port                            Profile   Conf   Eval   Assigned  Child
Profile                         State     Items  Items  Intfs     Profs
`), row("%-31s %-9s %-6s %-6s %-9s %s", wordCell, `enabled|disabled`, number, number, number, number))},
	{line: "show port-profile usage", each: join(kinds{dashes(79)}, literals(`
Port Profile               Port
`), row("%-26s %s", someText, portCell))},
	{line: "show port-profile virtual usage", each: join(kinds{dashes(79)}, literals(`
Port Profile               Port        Adapter        Owner
`), row("%-26s %-11s %-14s %s", someText, portCell, textCell, textCell))},
	{line: "show port-profile expand-interface", each: patterns(`port-profile \S+`, ` (Ethernet\d+/\d+|Vethernet\d+)`, `  \S.*`)},
	{line: "show port-profile sync-status", each: patterns(``, `Ethernet\d+/\d+|Vethernet\d+`, `port-profile:( \S+)?`, `interface status: \S+`, `sync status: out of sync`,
		`cached commands:`, `errors:`, `recovery steps:`, `  \S.*`)},
	{line: "show cdp neighbors", each: join(literals(`Capability Codes: R - Router, T - Trans-Bridge, B - Source-Route-Bridge
                  S - Switch, H - Host, I - IGMP, r - Repeater,
                  V - VoIP-Phone, D - Remotely-Managed-Device,
                  s - Supports-STP-Dispute

Device-ID          Local Intrfce  Hldtme Capability  Platform      Port ID
`), patterns(`Total entries displayed: \d+`, `\S{19,}`), row("%-19s %-14s %-6d %-9s %-13s %s", `\S{0,18}`, `mgmt0|`+ethCell, number, `([RTBSHIrVDs]( [RTBSHIrVDs])*)?`, `\S.*`, textCell))},
	{line: "show cdp neighbors detail", each: patterns(`-{40}`, `Device ID:\S.*`, `System Name: \S.*`, ``, `Interface address\(es\):`, `    IPv[46] Address: \S+`,
		`Platform: \S.*, Capabilities:( \S+)*`, `Interface: \S+, Port ID \(outgoing port\): \S+`, `Holdtime: \d+ sec`, `Version:`, `Advertisement Version: [12]`, `Native VLAN: \d+`,
		`Duplex: (full|half)`, `MTU: \d+`, `Mgmt address\(es\):`, `ExampleOS 7\.1\(2\)`), maybe: patterns(`(a-name-of-255-bytes)+\S*`, `Platform: (a-name-of-255-bytes)+\S*`)},
	{line: "show lldp neighbors", each: join(lldpCodes, literals(`Device ID            Local Intf      Hold-time  Capability  Port ID
`), patterns(`Total entries displayed: \d+`, `\S{21,}`), row("%-20s %-15s %-10s %-11s %s", `\S{0,20}`, ethCell, number, `[A-Z]*`, wordCell))},
	{line: "show lldp neighbors detail", each: join(lldpCodes, patterns(``, `Chassis id: \S+`, `Port id: \S+`, `Local Port id: \S+`, `Port Description: \S.*`, `System Name: \S.*`, `System Description: \S.*`,
		`Time remaining: \d+ seconds`, `(System|Enabled) Capabilities: ([A-Z](, [A-Z])*|not advertised)`, `Management Address: ([\d.]+|not advertised)`,
		`Management Address IPV6: ([\da-f:]+|not advertised)`, `Vlan ID: (\d+|not advertised)`, `Total entries displayed: \d+`))},
	{line: "show svs domain", each: patterns(`SVS domain config:`, `  Domain id:    (\d+|NA)`, `  Control vlan:  NA`, `  Packet vlan:   NA`, `  L2/L3 Control mode: L[23]`,
		`  Switch guid: (`+uuidCell+`|NA)`, `  L3 control interface: (mgmt0|control0)`, `  Status: \S.*`, `  Control type multicast: No`)},
	{line: "show svs neighbors", each: join(patterns(`Active Domain ID: (\d+|NA)`, ``, `(AIPC|Inband) Interface MAC: [\da-f]{4}-[\da-f]{4}-[\da-f]{4}`), literals(`Src MAC           Type   Domain-id    Node-id     Last learnt (Sec. ago)
------------------------------------------------------------------------
`), row("%-17s %-6s %-12s %-11s %s", `[\da-f]{4}-[\da-f]{4}-[\da-f]{4}`, `VSM|VEM`, `\d+|NA`, `[\da-f]{4,5}`, `[\d.]+|-`))},
	{line: "show system redundancy status", each: redundancy},
	{line: "show redundancy status", each: join(redundancy, uptimes)},
	{line: "show system uptime", each: uptimes},
	{line: "show clock", each: patterns(`\d\d:\d\d:\d\d\.\d{3} \w+ \w{3} \w{3} \d\d \d{4}`)},
	{line: "show users", each: join(literals(`NAME     LINE         TIME         IDLE          PID COMMENT
`), row("%-8s %-12s %-12s   %-5s%10d %s", wordCell, wordCell, `\w{3} [ \d]\d \d\d:\d\d`, `\d\d:\d\d|\.|old`, number, `.*`))},
	{line: "show processes cpu", each: join(patterns(`CPU utilization for five seconds: \d+%/\d+%; one minute: \d+%; five minutes: \d+%`, ``), literals(`PID    Runtime(ms)  Invoked   uSecs  5Sec    1Min    5Min    TTY  Process
-----  -----------  --------  -----  ------  ------  ------  ---  -----------
`), patterns(` *\d+ +\d+ +\d+ +\d+ +[\d.]+% +[\d.]+% +[\d.]+% +\S+ +\S+`))},
	{line: "show system resources", each: patterns(`Load average:   1 minute: [\d.]+   5 minutes: [\d.]+   15 minutes: [\d.]+`, `Processes   :   \d+ total, \d+ running`,
		`CPU states  :   [\d.]+% user,   [\d.]+% kernel,   [\d.]+% idle`, `        CPU\d+ states  :   [\d.]+% user,   [\d.]+% kernel,   [\d.]+% idle`,
		`Memory usage:   \d+K total,   \d+K used,   \d+K free`, `Current memory status: OK`)},
	{line: "show feature", each: join(literals(`Feature Name          Instance  State
--------------------  --------  --------
`), row("%-22s %-9d %s", wordCell, number, `enabled|disabled|enabled \(not-running\)`))},
	{line: "show hostname", each: patterns(`[\w.-]{1,63}`)},
	{line: "show inventory", each: patterns(``, `NAME: "[^"]+",  DESCR: "[^"]+"`, `PID: \S+ *,  VID: \S+ *,  SN: \S+`)},
	{line: "show vrf", each: join(literals(`VRF-Name                           VRF-ID State   Reason
`), row("%-34s %6d %-7s %s", wordCell, number, `Up|Down`, `--|\S+`))},
	{line: "show ip interface brief vrf all", each: join(patterns(``, `IP Interface Status for VRF "(default|management)"\(\d+\)`), literals(`Interface            IP Address      Interface Status
`), row("%-20s %-15s %s", `mgmt0`, `[\d.]+`, `protocol-(up|down)/link-(up|down)/admin-(up|down)`))},
	{line: "show ip arp vrf all", each: join(patterns(``, `(Flags:|      ) (\*|\+|#|CP|PS|RO|D) - \S.*`, `IP ARP Table for all contexts`, `Total number of entries: \d+`), literals(`Address         Age       MAC Address     Interface       Flags
`), row("%-15s %-9s %-15s %-15s %s", `[\d.]+`, `-|\d\d:\d\d:\d\d|\d+d\d\dh|\d+w\d+d`, macCell+`|INCOMPLETE`, `mgmt0`, `[A-Z*+#]*`))},
	{line: "show nve peers", each: join(literals(`Interface Peer-IP                                 State LearnType Uptime   Router-Mac       
--------- --------------------------------------  ----- --------- -------- -----------------
`), kinds{scrape.Line(`nve1 {6}[\d.]{7,15} +(Up   |Down ) DP {8}(\d\d:\d\d:\d\d|\d+d\d\dh   |\d+w\dd    |n/a     ) n/a {14}`)},
	)},
	{line: "show nve vni", each: join(literals(`Codes: CP - Control Plane        DP - Data Plane
       UC - Unconfigured         SA - Suppress ARP
       SU - Suppress Unknown Unicast
       Xconn - Crossconnect
       MS-IR - Multisite Ingress Replication

Interface VNI      Multicast-group   State Mode Type [BD/VRF]      Flags
--------- -------- ----------------- ----- ---- ------------------ -----
`), row("%-9s %-8d %-17s %-5s %-4s %-18s %-5s", `nve1`, number, `UnicastBGP|UnicastStatic|[\d.]+`, `Up|Down`, `CP|DP`, `L2 \[(\d+|-)\]`, `(SA|SU)?`))},
	{line: "show vxlan", each: join(literals(`Vlan            VN-Segment
====            ==========
`), row("%-15s %s", number, number))},
	{line: "show vlan id 20 vn-segment", each: join(literals(`VLAN Segment-id
---- -----------
`), row("%-4d %d", number, number))},
}

var interfaceBlock = patterns(``, `(`+longCell+`) is (up|down \((`+reasonCell+`)\))`, `admin state is (up|down), Dedicated Interface`, `admin state is (up|down),`,
	`  Hardware: (Ethernet|Virtual), address: `+macCell+` \(bia `+macCell+`\)`, `  Belongs to \S.*`, `  Description: \S.*`, `  Internet Address is [\d.]+/\d+`,
	`  MTU \d+ bytes, BW \d+ Kbit, DLY 10 usec`, `  reliability 255/255, txload \d+/255, rxload \d+/255`, `  Encapsulation ARPA, medium is broadcast`,
	`  Port mode is (access|trunk)`, `  (full|auto)-duplex, (auto-speed|\d+ [MG]b/s)`, `  Beacon is turned off`, `  Auto-Negotiation is turned (on|off)`,
	`  Input flow-control is off, output flow-control is off`, `  Auto-mdix is turned off`, `  Switchport monitor is off`, `  EtherType is 0x(8100|0000)`,
	`  Last link flapped (never|\d\d:\d\d:\d\d|\d+d\d\dh|\d+week\(s\) \d+day\(s\))`, `  Last clearing of "show interface" counters never`, `  \d+ interface resets`,
	`  Load-Interval #1: 30 seconds`, `    30 seconds (input|output) rate \d+ bits/sec, \d+ packets/sec`, `    input rate \S+ bps, \S+ pps; output rate \S+ bps, \S+ pps`,
	`  Load-Interval #2: 5 minute \(300 seconds\)`, `    300 seconds (input|output) rate \d+ bits/sec, \d+ packets/sec`,
	`  RX`, `    \d+ unicast packets  \d+ multicast packets  \d+ broadcast packets`, `    \d+ input packets  \d+ bytes`, `    \d+ jumbo packets  \d+ storm suppression bytes`,
	`    \d+ runts  \d+ giants  \d+ CRC  \d+ no buffer`, `    \d+ input error  \d+ short frame  \d+ overrun   \d+ underrun  \d+ ignored`,
	`    \d+ watchdog  \d+ bad etype drop  \d+ bad proto drop  \d+ if down drop`, `    \d+ input with dribble  \d+ input discard`, `    \d+ Rx pause`,
	`  TX`, `    \d+ output packets  \d+ bytes`, `    \d+ jumbo packets`, `    \d+ output error  \d+ collision  \d+ deferred  \d+ late collision`,
	`    \d+ lost carrier  \d+ no carrier  \d+ babble  \d+ output discard`, `    \d+ Tx pause`,
	`  1 minute (input|output) rate \d+ bits/sec, \d+ packets/sec`, `  Rx`, `  Tx`, `    \d+ input packets \d+ unicast packets \d+ multicast packets`,
	`    \d+ output packets \d+ unicast packets \d+ multicast packets`, `    \d+ broadcast packets \d+ bytes`)

var vlanRows = join(
	row("%-4d %-32s %-9s %s", number, wordCell, `active|suspended|act/lshut|sus/lshut`, `|(`+portCell+`)(, (`+portCell+`))*`),
	row("%-47s %s", ``, `(`+portCell+`)(, (`+portCell+`))*`))

var profileBlock = patterns(`port-profile \S+`, ` type: (Vethernet|Ethernet)`, ` description:( \S.*)?`, ` status: (enabled|disabled)`, ` (max|min)-ports: \d+`, ` inherit:( \S+)?`,
	` config attributes:`, ` evaluated config attributes:`, ` assigned interfaces:`, `  \S.*`, ` port-group:( \S+)?`, ` system vlans: none`,
	` capability (l3control|iscsi-multipath|vxlan|l3-vservice): (yes|no)`, ` port-profile role: none`, ` port-binding: static`)

var lldpCodes = literals(`Capability codes:
  (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device
  (W) WLAN Access Point, (P) Repeater, (S) Station, (O) Other
`)

var redundancy = patterns(``, `Redundancy role`, `Redundancy mode`, `-+`, `      administrative:   (standalone|primary|secondary|None|HA)`, `         operational:   (standalone|primary|secondary|None|HA)`,
	`This supervisor \(sup-1\)`, `Other supervisor \(sup-2\)`, `    (Redundancy|Supervisor) state:   \S.*`, `      Internal state:   (Active with no standby|N/A)`)

var uptimes = patterns(`System start time:          `+dateCell, `System uptime:              `+spanCell, `Kernel uptime:              `+spanCell, `Active supervisor uptime:   `+spanCell)

// TestLayouts reads every screen of cli.md §11 as tools do, with rows of anchored
// cells at fixed columns and headings as they are printed, on a chassis with
// nothing, with one port, and with many, down ports, absent modules and names
// longer than their columns among them (cli.md §16, 2).
func TestLayouts(t *testing.T) {
	alone(t)
	for _, ports := range []int{0, 1, 32} {
		w := newPopulated(t, ports)
		for _, l := range layouts {
			text, failed := w.type1(l.line)
			if failed && ports > 0 {
				t.Errorf("%s with %d ports: %s", l.line, ports, text)
			}
			if failed {
				continue
			}
			n := scrape.Read(t, l.line, text, append(l.each[:len(l.each):len(l.each)], l.maybe...))
			for i, p := range l.each {
				if ports > 1 && n[i] == 0 {
					t.Errorf("%s with %d ports: no line %q", l.line, ports, p)
				}
			}
		}
	}
}
