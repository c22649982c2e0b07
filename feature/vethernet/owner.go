package vethernet

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Kinds of owner.
const (
	KindNetns    = "netns"
	KindDevice   = "device"
	KindTap      = "tap"
	KindInternal = "internal" // of the host itself, made by host vnic
	KindVhost    = "vhost-user"
)

var (
	// A namespace's name becomes the name of a file, so it must not lead
	// elsewhere; a device's name is one the Linux kernel takes.
	namespace = without("/", schema.ErrInvalid, schema.Word("netns", "Network namespace", 64))
	ifname    = without("/:", schema.ErrInterface, schema.Word("ifname", "Interface in the network namespace", 15))
	device    = without("/:", schema.ErrInterface, schema.Word("device", "Network device of the host", 15))
	tap       = without("/:", schema.ErrInterface, schema.Word("tap", "TAP device of the host", 15))
	socket    = absolute(schema.Word("socket", "Path of the socket on the host", 107)) // sun_path (unix(7))
	module    = schema.Uint("module", "Module number", feature.FirstCard, feature.MaxModule)
)

// without returns the type t less names that hold one of the bytes, or are "."
// or "..".
func without(bytes string, refusal error, t schema.Type[string]) schema.Type[string] {
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		s, err := word(s)
		if err == nil && (strings.ContainsAny(s, bytes) || s == "." || s == "..") {
			return "", refusal
		}
		return s, err
	}
	return t
}

// absolute returns the type t less words that are not the shortest form of an
// absolute path.
func absolute(t schema.Type[string]) schema.Type[string] {
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		s, err := word(s)
		if err == nil && (!path.IsAbs(s) || path.Clean(s) != s || s == "/") {
			return "", schema.ErrInvalid
		}
		return s, err
	}
	return t
}

// OwnerType is the type of the owner leaf (cli.md §13.4).
var OwnerType = schema.Type[Owner]{
	Name: "owner",
	Syntax: schema.Syntax{
		Help: "Owner of the port",
		Forms: []string{
			"netns <netns> ifname <ifname> module <module>",
			"device <device> module <module>",
			"tap <tap> module <module>",
			"internal <vnic> module <module>",
			"vhost-user socket <socket> module <module>",
			"vhost-user socket <socket> client module <module>",
		},
		Types: map[string]schema.AnyType{
			"netns": namespace, "ifname": ifname, "device": device, "tap": tap, "vnic": vnic, "socket": socket, "module": module,
		},
		Words: schema.Words{
			"netns":               "Interface created in a network namespace",
			"netns ifname":        "Name of the interface in the network namespace",
			"netns ifname module": "Module the network namespace is on",
			"device":              "Network device of the host",
			"device module":       "Module the device is on",
			"tap":                 "TAP device, created if it does not exist",
			"tap module":          "Module the TAP is on",
			"internal":            "Port of the host itself, made by host vnic",
			"internal module":     "Module the host's port is on",

			"vhost-user":                      "Virtual machine or DPDK application, through shared memory",
			"vhost-user socket":               "Socket of the vhost-user protocol, on which the card listens",
			"vhost-user socket module":        "Module the socket is on",
			"vhost-user socket client":        "Connect to the socket, on which the machine listens",
			"vhost-user socket client module": "Module the socket is on",
		},
	},
	Parse:  parseOwner,
	Format: Owner.String,
}

// String returns the owner as it is written on a line, "" for the zero value.
func (o Owner) String() string {
	switch o.Kind {
	case KindNetns:
		return fmt.Sprintf("netns %s ifname %s module %d", o.Namespace, o.Ifname, o.Module)
	case KindDevice, KindTap, KindInternal:
		return fmt.Sprintf("%s %s module %d", o.Kind, o.Device, o.Module)
	case KindVhost:
		client := ""
		if o.Client {
			client = " client"
		}
		return fmt.Sprintf("%s socket %s%s module %d", o.Kind, o.Socket, client, o.Module)
	}
	return ""
}

// parseOwner is the inverse of String.
func parseOwner(text string) (Owner, error) {
	w := strings.Split(text, " ")
	var o Owner
	var err error
	switch {
	case len(w) == 6 && w[0] == "netns" && w[2] == "ifname" && w[4] == "module":
		o.Kind = KindNetns
		if o.Namespace, err = namespace.Parse(w[1]); err != nil {
			return Owner{}, err
		}
		if o.Ifname, err = ifname.Parse(w[3]); err != nil {
			return Owner{}, err
		}
	case len(w) == 4 && (w[0] == KindDevice || w[0] == KindTap || w[0] == KindInternal) && w[2] == "module":
		o.Kind = w[0]
		if o.Device, err = device.Parse(w[1]); err != nil {
			return Owner{}, err
		}
	case (len(w) == 5 || len(w) == 6 && w[3] == "client") && w[0] == KindVhost && w[1] == "socket" && w[len(w)-2] == "module":
		o.Kind, o.Client = KindVhost, len(w) == 6
		if o.Socket, err = socket.Parse(w[2]); err != nil {
			return Owner{}, err
		}
	default:
		return Owner{}, schema.ErrInvalid
	}
	slot, err := module.Parse(w[len(w)-1])
	if err != nil {
		return Owner{}, err
	}
	o.Module = int(slot)
	return o, nil
}

// Slot implements feature.Binding.
func (o Owner) Slot() int { return o.Module }

// Owner implements feature.Binding.
func (o Owner) Owner() string { return o.Namespace }

// Adapter implements feature.Binding.
func (o Owner) Adapter() string {
	switch o.Kind {
	case KindNetns:
		return o.Ifname
	case KindVhost:
		return path.Base(o.Socket)
	}
	return o.Device
}

// place is what only one vEthernet can be bound to: a device is one whether it
// is named as device or as TAP.
type place struct {
	module                     int
	namespace, adapter, socket string
}

// key names the place; no part of it holds a null byte.
func (p place) key() string {
	return strings.Join([]string{strconv.Itoa(p.module), p.namespace, p.adapter, p.socket}, "\x00")
}

func (o Owner) place() place { return place{o.Module, o.Namespace, o.Adapter(), o.Socket} }
