package nve

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// Program is the section of one line card: the tunnels to the other VTEPs.
type Program struct {
	Interface string   `json:"interface"` // "nve1"
	Local     string   `json:"local"`     // address of the card
	Tunnels   []Tunnel `json:"tunnels"`
}

// Tunnel leads to one other VTEP.
type Tunnel struct {
	Peer     string    `json:"peer"`
	Segments []Segment `json:"segments"`
}

// Segment is one that the peer takes part in, and the VLAN that belongs to it.
type Segment struct {
	VLAN ether.VLANID `json:"vlan"`
	VNI  uint32       `json:"vni"`
}

// PortName returns the name of the port that leads to a peer: "nve1(203.0.113.4)".
func PortName(nve, peer string) string { return nve + "(" + peer + ")" }

// PeerOf returns the peer that a port leads to, the inverse of PortName.
func PeerOf(port string) string {
	_, peer, _ := strings.Cut(port, "(")
	return strings.TrimSuffix(peer, ")")
}

// Report is what a card says of its tunnels.
type Report struct {
	Local   string        `json:"local,omitempty"` // address of the card, "" for none
	Tunnels []TunnelState `json:"tunnels"`
}

// TunnelState is one tunnel of a card.
type TunnelState struct {
	Peer   string    `json:"peer"`
	Up     bool      `json:"up"`
	Since  time.Time `json:"since,omitzero"`
	MTU    uint32    `json:"mtu,omitempty"` // of inner frames
	Driver string    `json:"driver,omitempty"`
	Error  string    `json:"error,omitempty"`
	// Counters are frames inside the tunnel, and their octets.
	Counters api.Counters `json:"counters"`
}

// decode checks a card's report.
func decode(data []byte) (any, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("decode report: %w", err)
	}
	if len(r.Tunnels) > MaxPeers {
		return nil, fmt.Errorf("%d tunnels are too many", len(r.Tunnels))
	}
	for i := range r.Tunnels {
		t := &r.Tunnels[i]
		if a, err := netip.ParseAddr(t.Peer); err != nil || !a.Is4() {
			return nil, fmt.Errorf("%.32q is no VTEP", t.Peer)
		}
		t.Driver, t.Error = api.Printable(t.Driver, false), api.Printable(t.Error, false)
	}
	return r, nil
}
