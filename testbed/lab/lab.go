// Package lab is the private world of `trunkline lab`: what a chassis is
// plugged into. Two line cards get an uplink each, joined by a wire, and four
// hosts in network namespaces of their own.
//
//	 h1  h2                h3  h4      10.0.0.1 … 10.0.0.4 /24, on eth0
//	  │  │                  │  │
//	┌─┴──┴──┐            ┌──┴──┴─┐
//	│ card 3│c3u1 ──── c4u1│ card 4│
//	└───────┘            └───────┘
//
// The line cards make the hosts' interfaces themselves (vEthernets with an
// owner in a namespace); Keep gives each its address whenever it appears.
// Everything is made inside the private world of package isolate, so nothing
// is left when the process ends.
//
// A World is safe for concurrent use; it does not change after Build.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"trunkline/testbed/netns"
	"trunkline/testbed/netns/isolate"
)

// Enter puts the process into the private world of a lab; see isolate.Enter.
// args are those of the child, without the program: os.Args[1:].
func Enter(args []string) (inside bool, exit int, err error) { return isolate.Enter(args) }

// Host is a host of the lab.
type Host struct {
	Name    string // of its namespace, too
	Address netip.Prefix
}

// Spec is what a lab consists of.
type Spec struct {
	Hosts     []Host
	Interface string    // of every host
	Uplinks   [2]string // the ends of the wire between the cards
	Dir       string    // a directory for state, empty and private
}

// Default returns the lab of the contract.
func Default() Spec {
	s := Spec{Interface: "eth0", Uplinks: [2]string{"c3u1", "c4u1"}, Dir: "/run/trunkline"}
	for i := range 4 {
		s.Hosts = append(s.Hosts, Host{
			Name:    fmt.Sprintf("h%d", i+1),
			Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24),
		})
	}
	return s
}

// World is a lab that is built.
type World struct{ spec Spec }

// Build makes the hosts, the wire and the directory. It must be called inside
// (see Enter); what it made when it fails goes with the process.
func Build(ctx context.Context, s Spec) (*World, error) {
	w := &World{spec: s}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	for _, h := range s.Hosts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
		if _, err := netns.Create(h.Name); err != nil {
			return nil, fmt.Errorf("lab: host %s: %w", h.Name, err)
		}
	}
	if err := netns.Wire(netns.End{Device: s.Uplinks[0]}, netns.End{Device: s.Uplinks[1]}); err != nil {
		return nil, fmt.Errorf("lab: uplinks: %w", err)
	}
	if err := w.name(); err != nil {
		return nil, fmt.Errorf("lab: names of hosts: %w", err)
	}
	return w, nil
}

// name lets programs look hosts up: /etc/hosts of the private world has them.
// A machine without the file does without the names.
func (w *World) name() error {
	const system = "/etc/hosts"
	var text strings.Builder
	if old, err := os.ReadFile(system); err == nil {
		text.Write(old)
	} else if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	text.WriteString("\n# lab\n")
	for _, h := range w.spec.Hosts {
		fmt.Fprintf(&text, "%v %s %s\n", h.Address.Addr(), h.Name, strings.ToUpper(h.Name))
	}
	file := filepath.Join(w.spec.Dir, "hosts")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return err
	}
	return unix.Mount(file, system, "", unix.MS_BIND, "")
}

// Dir returns the directory for state.
func (w *World) Dir() string { return w.spec.Dir }

// Hosts returns the hosts.
func (w *World) Hosts() []Host { return slices.Clone(w.spec.Hosts) }

// Host returns a host by name; upper and lower case are one.
func (w *World) Host(name string) (Host, bool) {
	i := slices.IndexFunc(w.spec.Hosts, func(h Host) bool { return strings.EqualFold(h.Name, name) })
	if i < 0 {
		return Host{}, false
	}
	return w.spec.Hosts[i], true
}

// Resolve returns the address of a host by name.
func (w *World) Resolve(name string) (netip.Addr, bool) {
	h, ok := w.Host(name)
	return h.Address.Addr(), ok
}

// lookup is Host with an error that lists what there is.
func (w *World) lookup(name string) (Host, error) {
	if h, ok := w.Host(name); ok {
		return h, nil
	}
	names := make([]string, len(w.spec.Hosts))
	for i, h := range w.spec.Hosts {
		names[i] = h.Name
	}
	return Host{}, fmt.Errorf("no host %q in the lab: there are %s", name, strings.Join(names, ", "))
}
