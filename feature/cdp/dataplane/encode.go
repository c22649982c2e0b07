package dataplane

import (
	"encoding/binary"
	"net/netip"
	"time"

	"trunkline/feature/cdp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
)

var (
	group = ether.MAC{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc}
	// snap is the LLC header and SNAP identifier of CDP.
	snap = [8]byte{0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00}
)

// TLV types.
const (
	typeDevice       = 0x0001
	typeAddresses    = 0x0002
	typePort         = 0x0003
	typeCapabilities = 0x0004
	typeSoftware     = 0x0005
	typePlatform     = 0x0006
	typeNativeVLAN   = 0x000a
	typeDuplex       = 0x000b
	typeMTU          = 0x0011
	typeSystem       = 0x0014
	typeManagement   = 0x0016
)

// platform is what the product calls itself.
const platform = "Trunkline"

// encode makes the frame of a port. A goodbye has a time to live of zero.
func encode(p cdp.Program, port string, l pipeline.Link, live time.Duration, card discovery.Card) []byte {
	version := byte(2)
	if p.V1 {
		version = 1
	}
	body := []byte{version, byte(min(live/time.Second, 255)), 0, 0}
	text := func(kind uint16, s string) { body = tlv(body, kind, []byte(s)) }
	text(typeDevice, device(p, l, card))
	management := addresses(card.Addresses(p.Management))
	if management != nil {
		body = tlv(body, typeAddresses, management)
	}
	text(typePort, port)
	body = tlv(body, typeCapabilities, binary.BigEndian.AppendUint32(nil, cdp.Switch))
	text(typePlatform, platform)
	if !p.V1 {
		if l.PVID.Valid() {
			body = tlv(body, typeNativeVLAN, binary.BigEndian.AppendUint16(nil, uint16(l.PVID)))
		}
		body = tlv(body, typeDuplex, []byte{1}) // full
		body = tlv(body, typeMTU, binary.BigEndian.AppendUint32(nil, uint32(max(l.Info.MTU, 0))))
		text(typeSystem, p.System)
		if management != nil {
			body = tlv(body, typeManagement, management)
		}
	}
	software := "Trunkline, version " + card.Version
	if (len(body)+len(software))%2 != 0 {
		software += " " // implementations differ in the checksum of an odd length
	}
	text(typeSoftware, software)
	binary.BigEndian.PutUint16(body[2:], checksum(body))
	b := make([]byte, 0, 64+len(body))
	b = append(b, group[:]...)
	b = append(b, l.Info.MAC[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(snap)+len(body)))
	b = append(b, snap[:]...)
	b = append(b, body...)
	for len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

// device is the device id in the configured form.
func device(p cdp.Program, l pipeline.Link, card discovery.Card) string {
	mac, serial := l.Info.MAC, ""
	if guid := card.Chassis(); guid != "" {
		mac, serial = api.ChassisMAC(guid), api.ChassisSerial(guid)
	}
	switch {
	case p.DeviceID == cdp.ByMAC:
		return mac.String()
	case p.DeviceID == cdp.BySerial && serial != "":
		return serial
	case p.DeviceID == cdp.ByOther && serial != "":
		return p.System + "(" + serial + ")"
	}
	return p.System
}

// addresses is a list of IP addresses, nil for none.
func addresses(list []netip.Addr) []byte {
	if len(list) == 0 {
		return nil
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(list)))
	for _, a := range list {
		if a.Is6() {
			b = append(b, 2, 8, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd) // 802.2 SNAP, IPv6
		} else {
			b = append(b, 1, 1, 0xcc) // NLPID, IPv4
		}
		raw := a.AsSlice()
		b = binary.BigEndian.AppendUint16(b, uint16(len(raw)))
		b = append(b, raw...)
	}
	return b
}

func tlv(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(value)))
	return append(b, value...)
}

// checksum is the Internet checksum (RFC 1071) of b with its checksum field
// taken as it is: zero to make one, the sum over a good frame is zero.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
