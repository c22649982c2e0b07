package dataplane

import (
	"encoding/binary"
	"slices"
	"time"

	"trunkline/feature/lldp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
)

// nearest is the address of nearest bridges (IEEE 802.1AB-2016 table 7-1).
var nearest = ether.MAC{0x01, 0x80, 0xc2, 0, 0, 0x0e}

// TLV types (IEEE 802.1AB-2016 table 8-1).
const (
	typeEnd = iota
	typeChassis
	typePort
	typeTTL
	typePortDescription
	typeSystemName
	typeSystemDescription
	typeCapabilities
	typeManagement
	typeOrganization = 127
)

// optional are the TLVs that lldp tlv-select turns off, by its words.
var optional = map[string]int{
	"management-address": typeManagement, "port-description": typePortDescription, "port-vlan": typeOrganization,
	"system-capabilities": typeCapabilities, "system-description": typeSystemDescription, "system-name": typeSystemName,
}

// Subtypes of identifiers (tables 8-2 and 8-3), and the capability of a bridge
// (table 8-4).
const (
	chassisMAC  = 4
	portIfName  = 5
	bridgeBit   = 1 << 2
	ifIndexKind = 2 // interface numbering of a management address
)

// oui8021 leads the TLVs of IEEE 802.1; subtype 1 is the port VLAN (IEEE
// 802.1Q-2022 clause D.2.1).
var oui8021 = []byte{0x00, 0x80, 0xc2}

// maxFrame bounds a frame that is sent, in bytes: any port's MTU has room.
const maxFrame = 14 + 576

// encode makes the frame of a port. A time to live of zero makes the goodbye,
// which says no more than who says it.
func encode(p lldp.Program, port string, l pipeline.Link, live time.Duration, card discovery.Card) []byte {
	chassis := l.Info.MAC
	if guid := card.Chassis(); guid != "" {
		chassis = api.ChassisMAC(guid)
	}
	b := make([]byte, 0, maxFrame)
	b = append(b, nearest[:]...)
	b = append(b, l.Info.MAC[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(ether.TypeLLDP))
	b = tlv(b, typeChassis, append([]byte{chassisMAC}, chassis[:]...))
	b = tlv(b, typePort, append([]byte{portIfName}, port...))
	b = tlv(b, typeTTL, binary.BigEndian.AppendUint16(nil, uint16(min(live/time.Second, 0xffff))))
	if live > 0 {
		b = describe(b, p, port, l, card)
	}
	b = tlv(b, typeEnd, nil)
	for len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

// describe adds the TLVs that may be left out. One for which there is no room is.
func describe(b []byte, p lldp.Program, port string, l pipeline.Link, card discovery.Card) []byte {
	add := func(word string, value []byte) {
		if !slices.Contains(p.Omit, word) && len(b)+2+len(value)+2 <= maxFrame {
			b = tlv(b, optional[word], value)
		}
	}
	text := port
	for _, q := range p.Ports {
		if q.Name == port && q.Description != "" {
			text = q.Description
		}
	}
	add("port-description", []byte(text))
	add("system-name", []byte(p.System))
	add("system-description", []byte("Trunkline, version "+card.Version))
	add("system-capabilities", []byte{0, bridgeBit, 0, bridgeBit})
	for _, a := range card.Addresses(p.Management) {
		kind := byte(1) // address family numbers: IPv4, IPv6
		if a.Is6() {
			kind = 2
		}
		raw := a.AsSlice()
		value := append([]byte{byte(1 + len(raw)), kind}, raw...)
		value = append(value, ifIndexKind, 0, 0, 0, 0)
		add("management-address", append(value, 0)) // no object identifier
	}
	if l.PVID.Valid() {
		value := append(slices.Clone(oui8021), 1)
		add("port-vlan", binary.BigEndian.AppendUint16(value, uint16(l.PVID)))
	}
	return b
}

// tlv appends a TLV: 7 bits of type, 9 of length.
func tlv(b []byte, kind int, value []byte) []byte {
	value = value[:min(len(value), 511)]
	b = binary.BigEndian.AppendUint16(b, uint16(kind<<9|len(value)))
	return append(b, value...)
}
