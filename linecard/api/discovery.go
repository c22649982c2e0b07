package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"trunkline/internal/ether"
)

// Bounds of what a card keeps of the neighbours that a discovery protocol
// finds.
const (
	MaxNeighbours     = 1024 // of a card
	MaxPortNeighbours = 8    // of a port
	MaxNeighbourText  = 255  // bytes of one text of a neighbour
)

// Discovery is what a card reports of a discovery protocol, with N as what is
// known of a neighbour: the section is named after the feature.
type Discovery[N any] struct {
	Ports []DiscoveryPort[N] `json:"ports"`
}

// DiscoveryPort is one port of a card.
type DiscoveryPort[N any] struct {
	Name       string            `json:"name"`
	MAC        string            `json:"mac,omitempty"` // of its device, hhhh.hhhh.hhhh
	Up         bool              `json:"up,omitempty"`
	Counters   DiscoveryCounters `json:"counters"`
	Neighbours []Neighbour[N]    `json:"neighbours,omitempty"` // by ID
}

// DiscoveryCounters count frames.
type DiscoveryCounters struct {
	Sent        uint64 `json:"sent,omitempty"`
	SendErrors  uint64 `json:"sendErrors,omitempty"` // not taken by the data plane
	Received    uint64 `json:"received,omitempty"`   // all, bad ones too
	Malformed   uint64 `json:"malformed,omitempty"`
	BadChecksum uint64 `json:"badChecksum,omitempty"`
	BadVersion  uint64 `json:"badVersion,omitempty"`
	Discarded   uint64 `json:"discarded,omitempty"` // good, but the table was full
	Aged        uint64 `json:"aged,omitempty"`      // entries
	Unknown     uint64 `json:"unknown,omitempty"`   // TLVs
	SentV1      uint64 `json:"sentV1,omitempty"`    // of Sent, where there are versions
	ReceivedV1  uint64 `json:"receivedV1,omitempty"`
}

// Neighbour is one neighbour of a port. Times are by the card's clock.
type Neighbour[N any] struct {
	ID      string    `json:"id"` // tells the neighbours of a port apart
	Since   time.Time `json:"since"`
	Heard   time.Time `json:"heard"`
	Expires time.Time `json:"expires"`
	Info    N         `json:"info"`
}

// DecodeDiscovery decodes a report and checks it against the bounds. Info goes
// through check, which makes texts fit to be shown.
func DecodeDiscovery[N any](data []byte, check func(*N)) (Discovery[N], error) {
	var r Discovery[N]
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("decode: %w", err)
	}
	total := 0
	for i := range r.Ports {
		p := &r.Ports[i]
		total += len(p.Neighbours)
		if total > MaxNeighbours || len(p.Neighbours) > MaxPortNeighbours || i >= MaxNeighbours {
			return r, errors.New("too many neighbours or ports")
		}
		if _, err := ether.ParseMAC(p.MAC); err != nil && p.MAC != "" {
			return r, fmt.Errorf("port %.32q: %w", p.Name, err)
		}
		for k := range p.Neighbours {
			check(&p.Neighbours[k].Info)
		}
	}
	return r, nil
}

// MergeDiscovery returns the ports of all cards in order. A port is what the
// card says that owns it, as slot has it.
func MergeDiscovery[N any](reports iter.Seq2[int, Discovery[N]], slot func(port string) int, order func(a, b string) int) []DiscoveryPort[N] {
	var all []DiscoveryPort[N]
	for card, r := range reports {
		for _, p := range r.Ports {
			if slot(p.Name) == card {
				all = append(all, p)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b DiscoveryPort[N]) int { return order(a.Name, b.Name) })
	return all
}

// Total returns the sum of the counters of ports.
func Total[N any](ports []DiscoveryPort[N]) (sum DiscoveryCounters) {
	for _, p := range ports {
		c := p.Counters
		sum.Sent += c.Sent
		sum.SendErrors += c.SendErrors
		sum.Received += c.Received
		sum.Malformed += c.Malformed
		sum.BadChecksum += c.BadChecksum
		sum.BadVersion += c.BadVersion
		sum.Discarded += c.Discarded
		sum.Aged += c.Aged
		sum.Unknown += c.Unknown
		sum.SentV1 += c.SentV1
		sum.ReceivedV1 += c.ReceivedV1
	}
	return sum
}

// Left returns the seconds until a neighbour expires, 0 at least and the time to
// live that it was heard with at most: the clocks of card and supervisor may
// differ.
func (n Neighbour[N]) Left(now time.Time) int {
	live := n.Expires.Sub(n.Heard)
	return int(min(max(n.Expires.Sub(now), 0), live).Seconds() + 0.5)
}

// Printable makes a text that a stranger has sent fit to be shown: one that is
// valid UTF-8, holds nothing a terminal would act on, has no blanks at the ends
// of lines and at most MaxNeighbourText bytes. Line ends stay if lines is set,
// else they become blanks.
func Printable(s string, lines bool) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == 0:
			return -1 // some end texts with it
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
	for len(s) > MaxNeighbourText {
		s = strings.ToValidUTF8(s[:MaxNeighbourText], "")
	}
	if strings.Contains(s, " \n") {
		all := strings.Split(s, "\n")
		for i, l := range all {
			all[i] = strings.TrimRight(l, " ")
		}
		s = strings.Join(all, "\n")
	}
	return strings.TrimSpace(s)
}

// DiscoveryQuery is a request about a discovery protocol, with the feature's
// name as the feature of the query. The answer is empty.
type DiscoveryQuery struct {
	Clear string `json:"clear"` // "counters" or "table"
}

// ChassisMAC is the base address of a chassis, derived from its GUID: locally
// administered, and the same for the supervisor and all cards.
func ChassisMAC(guid string) ether.MAC {
	sum := sha256.Sum256([]byte(guid))
	return ether.MAC{0x02, sum[5], sum[6], sum[7], sum[8], 0}
}

// ChassisSerial is the serial number of a chassis, derived from its GUID.
func ChassisSerial(guid string) string {
	sum := sha256.Sum256([]byte(guid))
	return "T" + strings.ToUpper(hex.EncodeToString(sum[:5]))
}
