package dataplane

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/feature/lldp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/punt"
)

// Bounds of what is read of a frame.
const (
	maxTLVs = 256
	maxID   = 255 // bytes of an identifier (clauses 8.5.2 and 8.5.3)
)

// Decode reads what gopacket finds in a frame. The three mandatory TLVs must
// lead (IEEE 802.1AB-2016 clause 9.2.7.7); what follows and is wrong in itself
// makes the frame malformed, what is not known is skipped and counted.
func Decode(p *punt.Packet) (h discovery.Heard[lldp.Neighbour], err error) {
	l, info, err := read(p.Packet)
	if err != nil {
		return h, err
	}
	if len(l.ChassisID.ID) > maxID || len(l.PortID.ID) > maxID {
		return h, fmt.Errorf("identifiers of %d and %d bytes", len(l.ChassisID.ID), len(l.PortID.ID))
	}
	n := &h.Info
	h.ID = fmt.Sprintf("%02x%x-%02x%x", byte(l.ChassisID.Subtype), l.ChassisID.ID, byte(l.PortID.Subtype), l.PortID.ID)
	h.Live = time.Duration(l.TTL) * time.Second
	n.ChassisType, n.Chassis = byte(l.ChassisID.Subtype), chassisID(l.ChassisID)
	n.PortType, n.Port = byte(l.PortID.Subtype), portID(l.PortID)
	n.PortDescription = api.Printable(info.PortDescription, false)
	n.System = api.Printable(info.SysName, false)
	n.Description = api.Printable(info.SysDescription, true)
	n.Capabilities, n.Enabled = bits(info.SysCapabilities.SystemCap), bits(info.SysCapabilities.EnabledCap)
	for _, v := range l.Values {
		switch v.Type {
		case layers.LLDPTLVPortDescription, layers.LLDPTLVSysName, layers.LLDPTLVSysDescription: // in info
		case layers.LLDPTLVOrgSpecific: // in info.OrgTLVs
		case layers.LLDPTLVSysCapabilities:
			if len(v.Value) != 4 {
				return h, fmt.Errorf("capabilities of %d bytes", len(v.Value))
			}
		case layers.LLDPTLVMgmtAddress:
			if err := management(n, v.Value); err != nil {
				return h, err
			}
		default:
			h.Unknown++
		}
	}
	for _, o := range info.OrgTLVs {
		known, err := organization(n, o)
		if err != nil {
			return h, err
		}
		if !known {
			h.Unknown++
		}
	}
	return h, nil
}

// read has gopacket decode a frame. It wants the TLV that ends it, which is
// optional where the frame ends (clause 8.5.1): then it is added.
func read(p gopacket.Packet) (*layers.LinkLayerDiscovery, *layers.LinkLayerDiscoveryInfo, error) {
	e, ok := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	if !ok || e.EthernetType != layers.EthernetTypeLinkLayerDiscovery {
		return nil, nil, errors.New("no LLDP frame")
	}
	ended, err := arranged(e.Payload)
	if err != nil {
		return nil, nil, err
	}
	if !ended {
		p = gopacket.NewPacket(append(slices.Clone(e.Payload), 0, 0), layers.LayerTypeLinkLayerDiscovery,
			gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	}
	l, ok := p.Layer(layers.LayerTypeLinkLayerDiscovery).(*layers.LinkLayerDiscovery)
	info, ok2 := p.Layer(layers.LayerTypeLinkLayerDiscoveryInfo).(*layers.LinkLayerDiscoveryInfo)
	if e := p.ErrorLayer(); e != nil {
		return nil, nil, e.Error()
	}
	if !ok || !ok2 {
		return nil, nil, errors.New("nothing decoded")
	}
	return l, info, nil
}

// arranged looks at the order and the number of TLVs, which gopacket does not
// keep, and reports whether one ends them.
func arranged(b []byte) (ended bool, err error) {
	for i := range maxTLVs {
		if len(b) == 0 && i > 2 {
			return false, nil
		}
		if len(b) < 2 {
			return false, errors.New("cut TLV header")
		}
		head := int(binary.BigEndian.Uint16(b))
		kind, length := head>>9, head&511
		switch {
		case i < 3 && kind != i+1:
			return false, fmt.Errorf("TLV %d is of type %d", i+1, kind)
		case i >= 3 && kind >= typeChassis && kind <= typeTTL:
			return false, fmt.Errorf("second TLV of type %d", kind)
		case kind == typeEnd:
			return true, nil
		case len(b) < 2+length:
			return false, fmt.Errorf("TLV of type %d is cut", kind)
		}
		b = b[2+length:]
	}
	return false, errors.New("too many TLVs")
}

// bits are capabilities as table 8-4 numbers them.
func bits(c layers.LLDPCapabilities) (set uint16) {
	for i, on := range []bool{
		c.Other, c.Repeater, c.Bridge, c.WLANAP, c.Router, c.Phone, c.DocSis, c.StationOnly, c.CVLAN, c.SVLAN, c.TMPR,
	} {
		if on {
			set |= 1 << i
		}
	}
	return set
}

// chassisID is the text of a chassis identifier.
func chassisID(c layers.LLDPChassisID) string {
	switch c.Subtype {
	case layers.LLDPChassisIDSubTypeMACAddr:
		return hardware(c.ID)
	case layers.LLDPChassisIDSubTypeNetworkAddr:
		return network(c.ID)
	}
	return api.Printable(string(c.ID), false)
}

// portID is the text of a port identifier.
func portID(p layers.LLDPPortID) string {
	switch p.Subtype {
	case layers.LLDPPortIDSubtypeMACAddr:
		return hardware(p.ID)
	case layers.LLDPPortIDSubtypeNetworkAddr:
		return network(p.ID)
	}
	return api.Printable(string(p.ID), false)
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

// management takes an address (clause 8.5.9); gopacket keeps only the last of a
// frame. The first of each family stays.
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
// gopacket's Decode8021 is not for frames of strangers: it indexes beyond short
// ones of kinds that are not used here.
func organization(n *lldp.Neighbour, o layers.LLDPOrgSpecificTLV) (known bool, err error) {
	if o.OUI != layers.IEEEOUI8021 || o.SubType != layers.LLDP8021SubtypePortVLANID {
		return false, nil
	}
	if len(o.Info) != 2 {
		return false, errors.New("malformed port VLAN")
	}
	if v := ether.VLANID(binary.BigEndian.Uint16(o.Info)); v.Valid() {
		n.VLAN = uint16(v)
	}
	return true, nil
}
