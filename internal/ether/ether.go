// Package ether holds the small comparable values of Ethernet switching: MAC
// addresses, VLAN identifiers and sets of them.
//
// Every type is a value: comparable with ==, usable as a map key and free of
// pointers, so that the frame path and the configuration tree share them.
package ether

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// MAC is a 48-bit IEEE 802 address.
type MAC [6]byte

// Broadcast is the all-ones group address (IEEE 802-2014 §8.2.2).
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// ErrMAC is returned by ParseMAC for text that is no MAC address.
var ErrMAC = errors.New("invalid mac address")

// ParseMAC reads the forms hhhh.hhhh.hhhh, hh:hh:hh:hh:hh:hh and
// hh-hh-hh-hh-hh-hh, in either case.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	group, sep := 0, byte(0)
	switch len(s) {
	case 14:
		group, sep = 4, '.'
	case 17:
		group, sep = 2, s[2]
		if sep != ':' && sep != '-' {
			return m, ErrMAC
		}
	default:
		return m, ErrMAC
	}
	var digits [12]byte
	n := 0
	for i := range len(s) {
		if i%(group+1) == group {
			if s[i] != sep {
				return m, ErrMAC
			}
			continue
		}
		digits[n] = s[i]
		n++
	}
	if _, err := hex.Decode(m[:], digits[:]); err != nil {
		return MAC{}, ErrMAC
	}
	return m, nil
}

// String prints the address as hhhh.hhhh.hhhh.
func (m MAC) String() string {
	return fmt.Sprintf("%02x%02x.%02x%02x.%02x%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Colons prints the address as hh:hh:hh:hh:hh:hh, the form of Linux tools.
func (m MAC) Colons() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Dashes prints the address as hh-hh-hh-hh-hh-hh, the IEEE 802 form.
func (m MAC) Dashes() string { return strings.ReplaceAll(m.Colons(), ":", "-") }

// Group reports whether the address is a multicast or broadcast address.
func (m MAC) Group() bool { return m[0]&1 != 0 }

// Uint64 returns the address in the low 48 bits, first octet highest.
func (m MAC) Uint64() uint64 {
	return uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 |
		uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

// MACFromUint64 is the inverse of Uint64; bits above 47 are ignored.
func MACFromUint64(v uint64) MAC {
	return MAC{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// VNI is a 24-bit VXLAN network identifier (RFC 7348 §5).
type VNI uint32

// EtherType is the type field of an Ethernet frame, in host byte order.
type EtherType uint16

// EtherTypes the switch itself looks at.
const (
	TypeIPv4  EtherType = 0x0800
	TypeARP   EtherType = 0x0806
	TypeRARP  EtherType = 0x8035
	TypeVLAN  EtherType = 0x8100 // IEEE 802.1Q C-tag
	TypeIPv6  EtherType = 0x86dd
	TypeQinQ  EtherType = 0x88a8 // IEEE 802.1Q S-tag
	TypeLLDP  EtherType = 0x88cc
	TypeSlow  EtherType = 0x8809 // IEEE 802.3 slow protocols
	TypeCDP   EtherType = 0x2000 // SNAP protocol identifier, not an EtherType on the wire
	TypeEAPOL EtherType = 0x888e
)
