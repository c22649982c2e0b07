package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// Bounds of a report.
const (
	maxReport = 8 << 20 // bytes
	maxPorts  = 2048    // ports of one card (cli.md §15)
	maxNICs   = 64      // devices that one card has adopted
	maxText   = 256     // bytes of one name or reason
)

func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	return d.Decode(v)
}

// checkNICs refuses devices that cannot be: their numbers become names of
// interfaces, and a number or a device that comes twice would make two of one.
func checkNICs(nics []api.NIC) error {
	if len(nics) > maxNICs {
		return fmt.Errorf("%d devices are too many", len(nics))
	}
	numbers, devices := map[int]bool{}, map[string]bool{}
	for _, n := range nics {
		switch {
		case n.Number < 1 || n.Number > feature.MaxUplink:
			return fmt.Errorf("number %d of a device is not from 1 to %d", n.Number, feature.MaxUplink)
		case n.Device == "" || !fits(n.Device, 15):
			return fmt.Errorf("%.32q is no name of a device", n.Device)
		case !fits(n.Profile, 80):
			return fmt.Errorf("device %s: %.96q is no port-profile", n.Device, n.Profile)
		case numbers[n.Number] || devices[n.Device]:
			return fmt.Errorf("device %d %s comes twice", n.Number, n.Device)
		}
		if _, err := ether.ParseMAC(n.MAC); err != nil && n.MAC != "" {
			return fmt.Errorf("device %s: %w", n.Device, err)
		}
		numbers[n.Number], devices[n.Device] = true, true
	}
	return nil
}

// fits reports whether a text can be shown and has at most limit bytes.
func fits(text string, limit int) bool {
	return len(text) <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

// portStates checks a report and makes states of it. A card's clock is its own:
// what it says happened later than now happened now.
func portStates(slot int, r api.PortReport, now time.Time) ([]feature.PortState, error) {
	if len(r.Ports) > maxPorts {
		return nil, fmt.Errorf("%d ports are too many", len(r.Ports))
	}
	ports := make([]feature.PortState, 0, len(r.Ports))
	for _, p := range r.Ports {
		for _, text := range []string{p.Name, p.Reason, p.Kind, p.Device, p.Driver, p.Error} {
			if !fits(text, maxText) {
				return nil, fmt.Errorf("port %.32q: text that cannot be shown", p.Name)
			}
		}
		if _, err := feature.Interface.Parse(p.Name); err != nil {
			return nil, fmt.Errorf("%.32q is no interface", p.Name)
		}
		var mac ether.MAC
		if p.MAC != "" {
			var err error
			if mac, err = ether.ParseMAC(p.MAC); err != nil {
				return nil, fmt.Errorf("port %s: %w", p.Name, err)
			}
		}
		out := feature.PortState{
			Name: p.Name, Module: slot, Up: p.Up, Reason: p.Reason, Kind: p.Kind, Adapter: p.Device,
			Driver: p.Driver, MAC: mac, MTU: p.MTU, Mbps: p.Mbps, Since: past(p.Since, now), Cleared: past(p.Cleared, now),
			Resets: p.Resets, Error: p.Error, Counters: feature.Counters(p.Counters),
		}
		for i, rate := range p.Rates {
			out.Rates[i] = feature.Rates(rate)
		}
		ports = append(ports, out)
	}
	return ports, nil
}

func past(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}
