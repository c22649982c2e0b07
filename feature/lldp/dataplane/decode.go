package dataplane

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"trunkline/feature/lldp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/frame"
)

// maxTLVs bounds the TLVs of a frame.
const maxTLVs = 256

// Decode reads a frame as it came, from its destination address on. The three
// mandatory TLVs must lead (IEEE 802.1AB-2016 clause 9.2.7.7); what follows and
// is wrong in itself makes the frame malformed, what is not known is skipped and
// counted.
func Decode(data []byte) (h discovery.Heard[lldp.Neighbour], err error) {
	b, err := payload(data)
	if err != nil {
		return h, err
	}
	n := &h.Info
	var chassis, port []byte
	for i := 0; ; i++ {
		if i == maxTLVs {
			return h, errors.New("too many TLVs")
		}
		if len(b) == 0 && i > 2 {
			break // the end is optional where the frame ends
		}
		if len(b) < 2 {
			return h, errors.New("cut TLV header")
		}
		head := int(binary.BigEndian.Uint16(b))
		kind, length := head>>9, head&511
		if len(b) < 2+length {
			return h, fmt.Errorf("TLV of type %d is cut", kind)
		}
		value := b[2 : 2+length]
		b = b[2+length:]
		switch want := i + 1; {
		case i < 3 && kind != want:
			return h, fmt.Errorf("TLV %d is of type %d", i+1, kind)
		case i >= 3 && kind >= typeChassis && kind <= typeTTL:
			return h, fmt.Errorf("second TLV of type %d", kind)
		case i < 2 && (length < 2 || length > 256), i == 2 && length < 2:
			return h, fmt.Errorf("TLV of type %d has %d bytes", kind, length)
		}
		if kind == typeEnd {
			break
		}
		switch kind {
		case typeChassis:
			chassis = value
			n.ChassisType, n.Chassis = value[0], chassisID(value[0], value[1:])
		case typePort:
			port = value
			n.PortType, n.Port = value[0], portID(value[0], value[1:])
		case typeTTL:
			h.Live = time.Duration(binary.BigEndian.Uint16(value)) * time.Second
		case typePortDescription:
			n.PortDescription = api.Printable(string(value), false)
		case typeSystemName:
			n.System = api.Printable(string(value), false)
		case typeSystemDescription:
			n.Description = api.Printable(string(value), true)
		case typeCapabilities:
			if length != 4 {
				return h, fmt.Errorf("capabilities of %d bytes", length)
			}
			n.Capabilities, n.Enabled = binary.BigEndian.Uint16(value), binary.BigEndian.Uint16(value[2:])
		case typeManagement:
			err = management(n, value)
		case typeOrganization:
			var known bool
			known, err = organization(n, value)
			if err == nil && !known {
				h.Unknown++
			}
		default:
			h.Unknown++
		}
		if err != nil {
			return h, err
		}
	}
	h.ID = hex.EncodeToString(chassis) + "-" + hex.EncodeToString(port)
	return h, nil
}

// payload returns what follows the EtherType, behind up to two tags.
func payload(data []byte) ([]byte, error) {
	for at := 12; at <= 12+2*frame.TagLen && at+2 <= len(data); at += frame.TagLen {
		switch ether.EtherType(binary.BigEndian.Uint16(data[at:])) {
		case ether.TypeLLDP:
			return data[at+2:], nil
		case ether.TypeVLAN, ether.TypeQinQ:
			continue
		}
		break
	}
	return nil, errors.New("no LLDP frame")
}

// chassisID is the text of a chassis identifier (table 8-2).
func chassisID(kind byte, id []byte) string {
	switch kind {
	case 4:
		return hardware(id)
	case 5:
		return network(id)
	}
	return api.Printable(string(id), false)
}

// portID is the text of a port identifier (table 8-3).
func portID(kind byte, id []byte) string {
	switch kind {
	case 3:
		return hardware(id)
	case 4:
		return network(id)
	}
	return api.Printable(string(id), false)
}

func hardware(id []byte) string {
	if len(id) == 6 {
		return ether.MAC(id).String()
	}
	return hex.EncodeToString(id)
}

// network is an address led by its family.
func network(id []byte) string {
	if a, ok := netip.AddrFromSlice(id[min(1, len(id)):]); ok {
		return a.String()
	}
	return hex.EncodeToString(id)
}

// management takes an address (clause 8.5.9). The first of each family stays.
func management(n *lldp.Neighbour, b []byte) error {
	if len(b) < 1 || b[0] < 2 || b[0] > 32 || len(b) < 1+int(b[0])+6 {
		return errors.New("malformed management address")
	}
	a, ok := netip.AddrFromSlice(b[2 : 1+b[0]])
	switch {
	case !ok: // of a family that is not for IP
	case b[1] == 1 && a.Is4() && n.Management4 == "":
		n.Management4 = a.String()
	case b[1] == 2 && a.Is6() && n.Management6 == "":
		n.Management6 = a.String()
	}
	return nil
}

// organization takes a TLV of an organization and reports whether it is known.
func organization(n *lldp.Neighbour, b []byte) (known bool, err error) {
	if len(b) < 4 {
		return false, errors.New("malformed TLV of an organization")
	}
	if !bytes.HasPrefix(b, oui8021) || b[3] != 1 {
		return false, nil
	}
	if len(b) != 6 {
		return false, errors.New("malformed port VLAN")
	}
	if v := ether.VLANID(binary.BigEndian.Uint16(b[4:])); v.Valid() {
		n.VLAN = uint16(v)
	}
	return true, nil
}
