package linecard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/fdb"
	"trunkline/linecard/pipeline"
)

// command is one command of vemcmd. Words are its keywords; what follows them
// on the line are its arguments.
type command struct {
	words string
	usage string // of the arguments
	help  string
	run   func(c *Card, ctx context.Context, args []string, out io.Writer) error
}

// commands are what vemcmd knows, in the order of its help.
func commands() []command {
	return []command{
		{"show card", "", "identity, session and program of this card", (*Card).showCard},
		{"show port", "", "ports and their devices", (*Card).showPorts},
		{"show port vlans", "", "mode and VLANs of ports", (*Card).showPortVLANs},
		{"show trunk", "", "VLANs that trunks carry", (*Card).showTrunks},
		{"show l2", "{VLAN|all}", "MAC addresses of a VLAN, or of all", (*Card).showL2},
		{"show stats", "[PORT]", "frames by port", (*Card).showStats},
		{"show drops", "[PORT]", "dropped frames by port and reason", (*Card).showDrops},
		{"show workers", "", "how the workers spend their time", (*Card).showWorkers},
		{"show attach", "", "devices that the program wants open", (*Card).showAttach},
		{"show cdp", "", "CDP by port, and neighbours", (*Card).showCDP},
		{"show lldp", "", "LLDP by port, and neighbours", (*Card).showLLDP},
		{"show version", "", "version of the line card", (*Card).showVersion},
		{"clear stats", "[PORT]", "start counters at zero", (*Card).clearStats},
		{"recover", "PORT", "end the err-disabled state of a port", (*Card).recover},
		{"capture", "[rx|tx|drop]... [port PORT] [count N] [snap N] [pcapng]",
			"show frames as they pass, or write them as pcapng", (*Card).capture},
	}
}

// Commands returns what vemcmd knows, for documents: the words of each command,
// what may follow them, and what it does.
func Commands() (all [][3]string) {
	for _, c := range commands() {
		all = append(all, [3]string{c.words, c.usage, c.help})
	}
	return all
}

// command runs one line of vemcmd.
func (c *Card) command(ctx context.Context, words []string, out io.Writer) error {
	best := -1
	table := commands()
	var args []string
	for i, k := range table {
		n := len(strings.Fields(k.words))
		if len(words) >= n && strings.EqualFold(strings.Join(words[:n], " "), k.words) && (best < 0 || n > len(strings.Fields(table[best].words))) {
			best, args = i, words[n:]
		}
	}
	if best >= 0 {
		return table[best].run(c, ctx, args, out)
	}
	if len(words) > 0 && words[0] != "help" {
		return fmt.Errorf("unknown command %q; vemcmd help lists them", strings.Join(words, " "))
	}
	for _, k := range table {
		fmt.Fprintf(out, "  %-62s %s\n", strings.TrimSpace(k.words+" "+k.usage), k.help)
	}
	return nil
}

// none refuses arguments.
func none(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected %q", args[0])
	}
	return nil
}

func (c *Card) showCard(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	s := c.agent.Status()
	state := "connected to " + s.Supervisor
	if s.Headless {
		state = "headless since " + s.Since.Format(time.DateTime)
		if s.Error != "" {
			state += " (" + s.Error + ")"
		}
	}
	rows := [][2]string{
		{"Card UUID", s.UUID}, {"Host", c.cfg.Host}, {"Chassis", cmp.Or(s.Chassis, "not enrolled")},
		{"Slot", cmp.Or(strings.TrimPrefix(strconv.Itoa(s.Slot), "0"), "none")}, {"Session", state},
		{"Program generation", strconv.FormatUint(s.Generation, 10)}, {"Term", strconv.FormatUint(s.Term, 10)},
		{"Plan", strconv.FormatUint(c.engine.Generation(), 10)},
		{"Running since", c.began.Format(time.DateTime)},
	}
	if s.Refused != "" {
		rows = append(rows, [2]string{"Program refused", s.Refused})
	}
	for _, f := range s.Faults {
		rows = append(rows, [2]string{"Fault", f})
	}
	if n := c.punt.Panics(); n > 0 {
		rows = append(rows, [2]string{"Fault", fmt.Sprintf("slow path: %d frames lost", n)})
	}
	for _, r := range rows {
		fmt.Fprintf(out, "%-20s %s\n", r[0]+":", r[1])
	}
	return nil
}

func (c *Card) showPorts(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	fmt.Fprintf(out, "%4s  %-16s %-5s %-24s %-10s %-16s %s\n", "LTL", "Port", "State", "Reason", "Kind", "Device", "Driver")
	for _, p := range c.engine.Ports() {
		state := "DOWN"
		if p.Up {
			state = "UP"
		}
		fmt.Fprintf(out, "%4d  %-16s %-5s %-24s %-10s %-16s %s\n", p.Index, p.Name, state, p.Reason,
			cmp.Or(p.Info.Kind, "--"), cmp.Or(p.Info.Device, "--"), cmp.Or(p.Info.Driver, "--"))
	}
	return nil
}

func (c *Card) showPortVLANs(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	fmt.Fprintf(out, "%4s  %-16s %-6s %-6s %s\n", "LTL", "Port", "Mode", "Native", "VLANs")
	for _, p := range c.engine.Ports() {
		if !p.Known {
			continue
		}
		mode, vlans := "access", strconv.Itoa(int(p.Facts.PVID))
		if p.Facts.Trunk {
			mode, vlans = "trunk", p.Facts.Allowed.String()
		}
		fmt.Fprintf(out, "%4d  %-16s %-6s %-6d %s\n", p.Index, p.Name, mode, p.Facts.PVID, vlans)
	}
	return nil
}

func (c *Card) showTrunks(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	for _, p := range c.engine.Ports() {
		if p.Known && p.Facts.Trunk {
			fmt.Fprintf(out, "Trunk port %s (LTL %d) native VLAN %d uplink %v\n  vlans: %s\n",
				p.Name, p.Index, p.Facts.PVID, p.Facts.Uplink, p.Facts.Allowed)
		}
	}
	return nil
}

func (c *Card) showL2(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("name a VLAN, or all")
	}
	var f fdb.Filter
	if args[0] != "all" {
		n, err := strconv.ParseUint(args[0], 10, 16)
		if err != nil || !ether.VLANID(n).Valid() {
			return fmt.Errorf("%q is no VLAN: 1 to 4094, or all", args[0])
		}
		f.BD = uint16(n)
	}
	var entries []fdb.Entry
	c.engine.FDB().Dump(f, func(e fdb.Entry) bool { entries = append(entries, e); return ctx.Err() == nil })
	slices.SortFunc(entries, func(a, b fdb.Entry) int {
		return cmp.Or(cmp.Compare(a.BD, b.BD), cmp.Compare(a.MAC.Uint64(), b.MAC.Uint64()))
	})
	fmt.Fprintf(out, "%-5s %-15s %-8s %4s  %-16s %s\n", "VLAN", "MAC Address", "Type", "LTL", "Port", "Age")
	for _, e := range entries {
		kind, age := "Dynamic", strconv.Itoa(int(e.Age.Seconds()))
		if e.Static {
			kind, age = "Static", "-"
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(out, "%-5d %-15s %-8s %4d  %-16s %s\n", e.BD, e.MAC, kind, e.Hop, cmp.Or(c.engine.PortName(e.Hop), "drop"), age)
	}
	s := c.engine.FDB().Stats()
	fmt.Fprintf(out, "Total MAC Addresses: %d\n%+v\n", len(entries), s)
	return nil
}

// selected returns the ports a command is about: one by name, or all.
func (c *Card) selected(args []string) ([]pipeline.PortStatus, error) {
	all := c.engine.Ports()
	if len(args) == 0 {
		return all, nil
	}
	if err := none(args[1:]); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(p pipeline.PortStatus) bool { return strings.EqualFold(p.Name, args[0]) })
	if i < 0 {
		return nil, fmt.Errorf("no such port: %s", args[0])
	}
	return all[i : i+1], nil
}

func (c *Card) showStats(_ context.Context, args []string, out io.Writer) error {
	ports, err := c.selected(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-16s %14s %16s %10s %14s %16s %10s\n", "Port", "Rx Frames", "Rx Octets", "Rx Drops", "Tx Frames", "Tx Octets", "Tx Drops")
	for _, p := range ports {
		n := &p.Counters
		fmt.Fprintf(out, "%-16s %14d %16d %10d %14d %16d %10d\n", p.Name, n.Rx(), n.RxOctets, total(n.RxDrops[:]), n.Tx(), n.TxOctets, total(n.TxDrops[:]))
	}
	return nil
}

func total(n []uint64) (sum uint64) {
	for _, v := range n {
		sum += v
	}
	return sum
}

func (c *Card) showDrops(_ context.Context, args []string, out io.Writer) error {
	ports, err := c.selected(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-16s %-3s %-18s %14s\n", "Port", "Dir", "Reason", "Frames")
	for _, p := range ports {
		for _, d := range []struct {
			dir string
			m   map[string]uint64
		}{{"rx", drops(&p.Counters.RxDrops)}, {"tx", drops(&p.Counters.TxDrops)}} {
			for _, reason := range sortedKeys(d.m) {
				fmt.Fprintf(out, "%-16s %-3s %-18s %14d\n", p.Name, d.dir, reason, d.m[reason])
			}
		}
	}
	return nil
}

func sortedKeys(m map[string]uint64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *Card) showAttach(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	states := c.attach.States()
	names := make([]string, 0, len(states))
	for name := range states {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(out, "%-16s %-5s %-24s %-16s %s\n", "Port", "Open", "Reason", "Device", "Error")
	for _, name := range names {
		s := states[name]
		fmt.Fprintf(out, "%-16s %-5v %-24s %-16s %s\n", name, s.Open, s.Reason, cmp.Or(s.Info.Device, "--"), s.Error)
	}
	return nil
}

func (c *Card) showCDP(_ context.Context, args []string, out io.Writer) error {
	return errors.Join(none(args), c.showService("cdp", out))
}

func (c *Card) showLLDP(_ context.Context, args []string, out io.Writer) error {
	return errors.Join(none(args), c.showService("lldp", out))
}

func (c *Card) showVersion(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	fmt.Fprintf(out, "Trunkline line card %s, %s\n", c.cfg.Version, system())
	return nil
}

func (c *Card) clearStats(_ context.Context, args []string, _ io.Writer) error {
	ports, err := c.selected(args)
	if err != nil {
		return err
	}
	for _, p := range ports {
		c.engine.ClearCounters(p.Name)
	}
	return nil
}

func (c *Card) recover(_ context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("name a port")
	}
	ports, err := c.selected(args)
	if err != nil {
		return err
	}
	if !c.engine.Recover(ports[0].Name) {
		fmt.Fprintf(out, "%s was not err-disabled\n", ports[0].Name)
	}
	return nil
}
