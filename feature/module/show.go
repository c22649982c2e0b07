package module

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// What scrapers know of modules (cli.md §11.2).
const (
	cardPorts      = 1022  // uplink and vEthernet slots
	cardAddresses  = 0x80  // in a card's block of MAC addresses
	supervisorMACs = 0x800 // in the supervisor's
)

var slotArg = map[string]schema.AnyType{"module": moduleType}

var shows = []feature.Show{
	{
		Line: "show module [<module>]", Types: slotArg, Help: "Module information", Run: showModule,
		Words: schema.Words{"show module": "Module information"},
	},
	{
		Line: "show module vem mapping", Help: "Slots and the hosts bound to them", Run: showMapping,
		Words: schema.Words{
			"show module vem": "Virtual Ethernet module information", "show module vem mapping": "Slots and the hosts bound to them",
		},
	},
	{
		Line: "show module vem missing", Help: "Configured slots without a live module", Run: showMissing,
		Words: schema.Words{"show module vem missing": "Configured slots without a live module"},
	},
	{
		Line: "show module vem counters", Help: "Messages between supervisor and modules", Run: showCounters,
		Words: schema.Words{"show module vem counters": "Messages between supervisor and modules"},
	},
	{
		Line: "show module vem certificate", Help: "Keys of the modules' hosts", Run: showCertificate,
		Words: schema.Words{"show module vem certificate": "Keys of the modules' hosts"},
	},
	{
		Line: "show module uptime", Help: "Time since the modules started", Run: showUptime,
		Words: schema.Words{"show module uptime": "Time since the modules started"},
	},
	{
		Line: "show module <module> datapath", Types: slotArg,
		Help: "Ports, drivers and workers of a module", Run: showDatapath,
		Words: schema.Words{"show module datapath": "Ports, drivers and workers of a module"},
	},
}

// row is one module as the four tables print it.
type row struct {
	slot, ports             int
	kind, model, status     string
	sw, hw                  string
	mac, serial             string
	address, uuid, hostName string
}

func supervisor(q feature.Query) row {
	s := q.State.Supervisor
	version := s.Version
	if version == "" {
		version = "1.0(1)"
	}
	return row{
		slot: 1, kind: "Virtual Supervisor Module", model: "VSM-V1", status: "active *",
		sw: version, hw: "0.0",
		mac:    s.MAC.Dashes() + " to " + offset(s.MAC, supervisorMACs).Dashes(),
		serial: or(s.Serial), address: or(s.Address), uuid: "NA", hostName: "NA",
	}
}

func card(m feature.Module) row {
	status := "ok"
	if m.Status == feature.ModulePoweredUp {
		status = "powered-up"
	}
	return row{
		slot: m.Slot, ports: cardPorts, kind: "Virtual Ethernet Module", model: "NA", status: status,
		sw: or(m.Version), hw: or(m.OS),
		mac:    m.MAC.Dashes() + " to " + offset(m.MAC, cardAddresses).Dashes(),
		serial: "NA", address: or(m.Address), uuid: or(m.UUID), hostName: or(m.Host),
	}
}

func offset(m ether.MAC, n uint64) ether.MAC { return ether.MACFromUint64(m.Uint64() + n) }

// or returns s, or NA for what is not known.
func or(s string) string {
	if s == "" {
		return "NA"
	}
	return s
}

// live returns the supervisor and the cards that are not absent.
func live(q feature.Query) []row {
	rows := []row{supervisor(q)}
	for _, m := range slots(q) {
		if m.Status != feature.ModuleAbsent {
			rows = append(rows, card(m))
		}
	}
	return rows
}

const serverHeading = "" +
	"Mod  Server-IP        Server-UUID                           Server-Name\n" +
	"---  ---------------  ------------------------------------  --------------------\n"

func serverText(r row) string {
	return fmt.Sprintf("%-4d %-16.16s %-37s %s\n", r.slot, r.address, r.uuid, r.hostName)
}

func serverKeys(r row) []feature.Pair {
	return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "server_ip", Value: r.address},
		{Key: "server_uuid", Value: r.uuid}, {Key: "server_name", Value: r.hostName}}
}

func showModule(q feature.Query) (feature.Screen, error) {
	rows := live(q)
	var cannot []string
	if n, ok := feature.Value[uint32](q.Args, "module"); ok {
		one := rows[:0:0]
		for _, r := range rows {
			if r.slot == int(n) {
				one = append(one, r)
			}
		}
		if len(one) == 0 {
			return nil, noModule(int(n))
		}
		rows = one
		cannot = notSupported(q, int(n))
	}
	return feature.Screen{
		{
			Name: "modinfo",
			Heading: "Mod  Ports  Module-Type                         Model              Status\n" +
				"---  -----  ----------------------------------- ------------------ ------------\n",
			Rows: feature.Rows(rows, func(r row) string {
				return fmt.Sprintf("%-4d %-6d %-35s %-18s %s\n", r.slot, r.ports, r.kind, r.model, r.status)
			}, func(r row) []feature.Pair {
				return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "ports", Value: r.ports},
					{Key: "modtype", Value: r.kind}, {Key: "model", Value: r.model}, {Key: "status", Value: r.status}}
			}),
			Footer: "\n",
		},
		{
			Name: "modwwninfo",
			Heading: "Mod  Sw                  Hw\n" +
				"---  ------------------  ------------------------------------------------\n",
			Rows: feature.Rows(rows, func(r row) string {
				return fmt.Sprintf("%-4d %-19.19s %s\n", r.slot, r.sw, r.hw)
			}, func(r row) []feature.Pair {
				return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "sw", Value: r.sw}, {Key: "hw", Value: r.hw}}
			}),
			Footer: "\n",
		},
		{
			Name: "modmacinfo",
			Heading: "Mod  MAC-Address(es)                         Serial-Num\n" +
				"---  --------------------------------------  ----------\n",
			Rows: feature.Rows(rows, func(r row) string {
				return fmt.Sprintf("%-4d %-39s %s\n", r.slot, r.mac, r.serial)
			}, func(r row) []feature.Pair {
				return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "mac", Value: r.mac}, {Key: "serialnum", Value: r.serial}}
			}),
			Footer: "\n",
		},
		{
			Name: "modserverinfo", Heading: serverHeading, Footer: "\n* this terminal session\n",
			Rows: feature.Rows(rows, serverText, serverKeys),
		},
		{
			Name: "modunsupported", Optional: true,
			Rows: feature.Rows(cannot, func(name string) string {
				return fmt.Sprintf("Not supported on module %d: %s\n", rows[0].slot, name)
			}, func(name string) []feature.Pair {
				return []feature.Pair{{Key: "mod", Value: rows[0].slot}, {Key: "feature", Value: name}}
			}),
		},
	}, nil
}

// notSupported are the features that the card in a slot cannot apply.
func notSupported(q feature.Query, slot int) []string {
	for _, m := range q.State.Modules {
		if m.Slot == slot && m.Status != feature.ModuleAbsent {
			return m.Unsupported
		}
	}
	return nil
}

func noModule(slot int) error {
	return feature.Error(fmt.Sprintf("ERROR: Module does not exist: %d", slot))
}

func showMapping(q feature.Query) (feature.Screen, error) {
	type mapping struct {
		slot                  int
		status, uuid, control string
	}
	var rows []mapping
	for _, m := range slots(q) {
		r := mapping{slot: m.Slot, status: "powered-up", uuid: or(m.UUID), control: "connected"}
		if m.Status == feature.ModuleAbsent {
			r.status, r.control = "absent", "never-seen"
			if m.EverSeen {
				r.control = "headless"
			}
		}
		rows = append(rows, r)
	}
	return feature.Screen{{
		Name: "vem_mapping",
		Heading: "Mod     Status          UUID                                    Control Status\n" +
			"---     -----------     ------------------------------------    --------------\n",
		Rows: feature.Rows(rows, func(r mapping) string {
			return fmt.Sprintf("%3d     %-15s %-39s %s\n", r.slot, r.status, r.uuid, r.control)
		}, func(r mapping) []feature.Pair {
			return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "status", Value: r.status},
				{Key: "uuid", Value: r.uuid}, {Key: "control_status", Value: r.control}}
		}),
	}}, nil
}

func showMissing(q feature.Query) (feature.Screen, error) {
	var rows []row
	for _, m := range slots(q) {
		if m.Status == feature.ModuleAbsent {
			rows = append(rows, card(m))
		}
	}
	return feature.Screen{{
		Name: "vem_missing", Heading: serverHeading, Rows: feature.Rows(rows, serverText, serverKeys),
	}}, nil
}

func showCounters(q feature.Query) (feature.Screen, error) {
	const rule = "-------------------------------------------------------------------------------\n"
	return feature.Screen{{
		Name:    "vem_counters",
		Heading: rule + "Mod  InNR  OutMI  InMI  OutHBeats   InHBeats  InsCnt  RemCnt   TxErrs\n" + rule,
		Rows: feature.Rows(slots(q), func(m feature.Module) string {
			return fmt.Sprintf("%3d %5d %6d %5d %10d %10d %7d %7d %8d\n", m.Slot, m.NodeRequestsIn, m.InsertedOut, m.InsertedIn,
				m.HeartbeatsOut, m.HeartbeatsIn, m.Insertions, m.Removals, m.SendErrors)
		}, func(m feature.Module) []feature.Pair {
			return []feature.Pair{{Key: "mod", Value: m.Slot}, {Key: "innr", Value: m.NodeRequestsIn},
				{Key: "outmi", Value: m.InsertedOut}, {Key: "inmi", Value: m.InsertedIn},
				{Key: "outhbeats", Value: m.HeartbeatsOut}, {Key: "inhbeats", Value: m.HeartbeatsIn},
				{Key: "inscnt", Value: m.Insertions}, {Key: "remcnt", Value: m.Removals}, {Key: "txerrs", Value: m.SendErrors}}
		}),
	}}, nil
}

func showUptime(q feature.Query) (feature.Screen, error) {
	type uptime struct {
		slot  int
		start time.Time
	}
	rows := []uptime{{1, q.State.Supervisor.Started.In(q.Now.Location())}}
	for _, m := range slots(q) {
		if m.Status != feature.ModuleAbsent {
			rows = append(rows, uptime{m.Slot, m.Since.In(q.Now.Location())})
		}
	}
	parts := func(r uptime) (days, hours, minutes, seconds int) {
		s := int(max(0, q.Now.Sub(r.start)) / time.Second)
		return s / 86400, s / 3600 % 24, s / 60 % 60, s % 60
	}
	return feature.Screen{{
		Name: "module_uptime",
		Rows: feature.Rows(rows, func(r uptime) string {
			d, h, m, s := parts(r)
			return fmt.Sprintf("------ Module %d -----\nModule Start Time:   %s\n"+
				"Up Time:             %d day(s), %d hour(s), %d minute(s), %d second(s)\n",
				r.slot, r.start.Format(time.ANSIC), d, h, m, s)
		}, func(r uptime) []feature.Pair {
			d, h, m, s := parts(r)
			return []feature.Pair{{Key: "mod", Value: r.slot}, {Key: "start_time", Value: r.start.Format(time.ANSIC)},
				{Key: "uptime_days", Value: d}, {Key: "uptime_hours", Value: h},
				{Key: "uptime_minutes", Value: m}, {Key: "uptime_seconds", Value: s}}
		}),
	}}, nil
}

// askTime bounds a question to a card.
const askTime = 5 * time.Second

func showDatapath(q feature.Query) (feature.Screen, error) {
	n, _ := feature.Value[uint32](q.Args, "module")
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	text, err := ask(ctx, q, int(n), "datapath", nil)
	if err != nil {
		return nil, err
	}
	return feature.Screen{feature.Text(text)}, nil
}

// maxAnswer bounds, in bytes, what of a card's answer is shown.
const maxAnswer = 1 << 20

// shown makes a card's answer fit for a terminal: what is not printable, but
// newlines and tabs, becomes a dot, and what is too long is cut.
func shown(reply []byte) string {
	cut := len(reply) > maxAnswer
	text := strings.ToValidUTF8(string(reply[:min(len(reply), maxAnswer)]), ".")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if cut {
		text += "Warning: The answer is too long; the rest is left out.\n"
	}
	return text
}

// ask returns a card's answer in text, ending in a newline.
func ask(ctx context.Context, q feature.Query, slot int, what string, request []byte) (string, error) {
	for _, m := range slots(q) {
		if m.Slot != slot {
			continue
		}
		if m.Status == feature.ModuleAbsent {
			return "", feature.Error(fmt.Sprintf("ERROR: Module %d is absent.", slot))
		}
		reply, err := q.Module(ctx, slot, what, request)
		if err != nil {
			return "", feature.Error(fmt.Sprintf("ERROR: Module %d: %v", slot, err))
		}
		return shown(reply), nil
	}
	return "", noModule(slot)
}
