package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/feature/cdp"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/discovery"
	"trunkline/linecard/punt"
)

// Bounds of what is read of a frame.
const (
	maxTLVs      = 128
	maxAddresses = 8 // kept of a list
)

// Decode reads what gopacket finds in a frame. TLVs that are not known are
// skipped and counted.
func Decode(p *punt.Packet) (h discovery.Heard[cdp.Neighbour], err error) {
	head, err := header(p)
	if err != nil {
		return h, err
	}
	if len(head.Values) > maxTLVs {
		return h, errors.New("too many TLVs")
	}
	n := &h.Info
	n.Version = head.Version
	h.V1, h.Live = n.Version == 1, time.Duration(head.TTL)*time.Second
	var shown []byte
	for _, v := range head.Values {
		switch v.Type {
		case layers.CDPTLVDevID, layers.CDPTLVPortID, layers.CDPTLVSysName, layers.CDPTLVPlatform, layers.CDPTLVVersion,
			layers.CDPTLVNativeVLAN, layers.CDPTLVMTU:
			shown = tlv(shown, uint16(v.Type), v.Value)
		case layers.CDPTLVCapabilities, layers.CDPTLVFullDuplex, layers.CDPTLVAddress, layers.CDPTLVMgmtAddresses:
			if err := take(n, v); err != nil {
				return h, fmt.Errorf("TLV of type %#x: %w", uint16(v.Type), err)
			}
		default:
			h.Unknown++
		}
	}
	info, err := details(shown)
	if err != nil {
		return h, err
	}
	if info.DeviceID == "" || info.PortID == "" {
		return h, errors.New("no device id or no port id")
	}
	n.Device, n.Port = api.Printable(info.DeviceID, false), api.Printable(info.PortID, false)
	n.System, n.Platform = api.Printable(info.SysName, false), api.Printable(info.Platform, false)
	n.Software = api.Printable(info.Version, true)
	n.NativeVLAN, n.MTU = info.NativeVLAN, info.MTU
	h.ID = n.Device + "\n" + n.Port
	return h, nil
}

// header has gopacket split a frame into TLVs, after what it does not look at:
// that the frame is whole, and its checksum. gopacket knows versions 1 and 2.
func header(p *punt.Packet) (*layers.CiscoDiscovery, error) {
	snap, ok := p.Layer(layers.LayerTypeSNAP).(*layers.SNAP)
	if !ok || punt.Protocol(p) != ether.TypeCDP || p.Metadata().Truncated {
		return nil, errors.New("no CDP frame")
	}
	b := snap.Payload
	switch {
	case len(b) < 4:
		return nil, errors.New("cut header")
	case b[0] != 1 && b[0] != 2:
		return nil, fmt.Errorf("version %d: %w", b[0], discovery.ErrVersion)
	case !intact(b):
		return nil, discovery.ErrChecksum
	}
	if head, ok := p.Layer(layers.LayerTypeCiscoDiscovery).(*layers.CiscoDiscovery); ok {
		return head, nil
	}
	if e := p.ErrorLayer(); e != nil {
		return nil, e.Error()
	}
	return nil, errors.New("nothing decoded")
}

// details has gopacket read the TLVs that are shown. It is not given the others:
// one of theirs that it takes for wrong, such as an empty list of addresses,
// would cost the neighbour.
func details(shown []byte) (*layers.CiscoDiscoveryInfo, error) {
	if len(shown) == 0 {
		return &layers.CiscoDiscoveryInfo{}, nil
	}
	p := gopacket.NewPacket(shown, layers.LayerTypeCiscoDiscoveryInfo, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	info, ok := p.Layer(layers.LayerTypeCiscoDiscoveryInfo).(*layers.CiscoDiscoveryInfo)
	if e := p.ErrorLayer(); e != nil {
		return nil, e.Error()
	}
	if !ok {
		return nil, errors.New("nothing decoded")
	}
	return info, nil
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

// take takes a TLV of which gopacket's CiscoDiscoveryInfo holds less than is
// shown: it has no capability beyond the first nine, does not tell half duplex
// from none advertised, and has another identifier for IPv6 than senders.
func take(n *cdp.Neighbour, v layers.CiscoDiscoveryValue) (err error) {
	b := v.Value
	switch {
	case v.Type == layers.CDPTLVAddress:
		n.Addresses, err = list(b)
	case v.Type == layers.CDPTLVMgmtAddresses:
		n.Management, err = list(b)
	case v.Type == layers.CDPTLVCapabilities && len(b) >= 4:
		n.Capabilities = binary.BigEndian.Uint32(b)
	case v.Type == layers.CDPTLVFullDuplex && len(b) >= 1:
		n.Duplex = map[bool]string{false: "half", true: "full"}[b[0] != 0]
	default:
		err = fmt.Errorf("%d bytes", len(b))
	}
	return err
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
