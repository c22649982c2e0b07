package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"trunkline/feature/cdp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/frame"
)

// Bounds of what is read of a frame.
const (
	maxTLVs      = 128
	maxAddresses = 8 // kept of a list
)

// Decode reads a frame as it came, from its destination address on. TLVs that
// are not known are skipped and counted.
func Decode(data []byte) (h discovery.Heard[cdp.Neighbour], err error) {
	b, err := payload(data)
	if err != nil {
		return h, err
	}
	if len(b) < 4 {
		return h, errors.New("cut header")
	}
	n := &h.Info
	if n.Version = b[0]; n.Version != 1 && n.Version != 2 {
		return h, fmt.Errorf("version %d: %w", n.Version, discovery.ErrVersion)
	}
	if !intact(b) {
		return h, discovery.ErrChecksum
	}
	h.V1, h.Live = n.Version == 1, time.Duration(b[1])*time.Second
	b = b[4:]
	for i := 0; len(b) > 0; i++ {
		if i == maxTLVs {
			return h, errors.New("too many TLVs")
		}
		if len(b) < 4 {
			return h, errors.New("cut TLV header")
		}
		kind, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if length < 4 || length > len(b) {
			return h, fmt.Errorf("TLV of type %#x has %d bytes", kind, length)
		}
		known, err := take(n, kind, b[4:length])
		if err != nil {
			return h, fmt.Errorf("TLV of type %#x: %w", kind, err)
		}
		if !known {
			h.Unknown++
		}
		b = b[length:]
	}
	if n.Device == "" || n.Port == "" {
		return h, errors.New("no device id or no port id")
	}
	h.ID = n.Device + "\n" + n.Port
	return h, nil
}

// payload returns what follows the SNAP header, behind up to two tags, cut at
// the length that the frame gives.
func payload(data []byte) ([]byte, error) {
	for at := 12; at <= 12+2*frame.TagLen && at+2 <= len(data); at += frame.TagLen {
		t := binary.BigEndian.Uint16(data[at:])
		if e := ether.EtherType(t); e == ether.TypeVLAN || e == ether.TypeQinQ {
			continue
		}
		b := data[at+2:]
		if int(t) > len(b) || int(t) < len(snap) || [len(snap)]byte(b) != snap {
			break
		}
		return b[len(snap):t], nil
	}
	return nil, errors.New("no CDP frame")
}

// intact checks the checksum. The last byte of an odd length counts as the high
// byte of a word (RFC 1071), as the low one, or as a signed number one too
// small: senders differ.
func intact(b []byte) bool {
	if checksum(b) == 0 {
		return true
	}
	if len(b)%2 == 0 {
		return false
	}
	even, last := b[:len(b)-1:len(b)-1], b[len(b)-1]
	if checksum(append(even, 0, last)) == 0 {
		return true
	}
	return last&0x80 != 0 && checksum(append(even, 0xff, last-1)) == 0
}

// take takes one TLV and reports whether it is known.
func take(n *cdp.Neighbour, kind uint16, b []byte) (known bool, err error) {
	short := func(want int) error {
		if len(b) < want {
			return fmt.Errorf("%d bytes of %d", len(b), want)
		}
		return nil
	}
	text := func(lines bool) string { return api.Printable(string(b), lines) }
	switch kind {
	case typeDevice:
		n.Device = text(false)
	case typePort:
		n.Port = text(false)
	case typeSystem:
		n.System = text(false)
	case typePlatform:
		n.Platform = text(false)
	case typeSoftware:
		n.Software = text(true)
	case typeCapabilities:
		if err = short(4); err == nil {
			n.Capabilities = binary.BigEndian.Uint32(b)
		}
	case typeNativeVLAN:
		if err = short(2); err == nil {
			n.NativeVLAN = binary.BigEndian.Uint16(b)
		}
	case typeMTU:
		if err = short(4); err == nil {
			n.MTU = binary.BigEndian.Uint32(b)
		}
	case typeDuplex:
		if err = short(1); err == nil {
			n.Duplex = map[bool]string{false: "half", true: "full"}[b[0] != 0]
		}
	case typeAddresses:
		n.Addresses, err = list(b)
	case typeManagement:
		n.Management, err = list(b)
	default:
		return false, nil
	}
	return true, err
}

// list reads a list of addresses: those for IP, joined by blanks.
func list(b []byte) (string, error) {
	cut := errors.New("cut address")
	if len(b) < 4 {
		return "", cut
	}
	count := binary.BigEndian.Uint32(b)
	b = b[4:]
	var all []string
	for ; count > 0 && len(b) > 0; count-- {
		if len(b) < 2 || len(b) < 2+int(b[1])+2 {
			return "", cut
		}
		b = b[2+int(b[1]):]
		length := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < length {
			return "", cut
		}
		if a, ok := netip.AddrFromSlice(b[:length]); ok && len(all) < maxAddresses && !slices.Contains(all, a.String()) {
			all = append(all, a.String())
		}
		b = b[length:]
	}
	if count > 0 {
		return "", cut
	}
	return strings.Join(all, " "), nil
}
