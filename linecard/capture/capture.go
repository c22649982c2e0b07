// Package capture turns captured frames into text or into a pcapng stream
// (draft-ietf-opsawg-pcapng), by gopacket. It is far from the frame path: the
// data plane copies frames into a bounded ring, and this reads the ring.
package capture

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Frame is one frame as captured.
type Frame struct {
	Time  time.Time
	Point string // "rx", "tx" or "drop"
	Port  string
	Why   string // reason of a drop
	Len   int    // bytes of the whole frame
	Data  []byte // its beginning
}

// Writer takes frames until Close.
type Writer interface {
	Write(Frame) error
	Close() error
}

// Text writes one line a frame.
func Text(w io.Writer) Writer { return text{w} }

type text struct{ w io.Writer }

func (t text) Write(f Frame) error {
	what := f.Point
	if f.Why != "" {
		what += " " + f.Why
	}
	_, err := fmt.Fprintf(t.w, "%s %-14s %-18s %5d  %s\n", f.Time.Format("15:04:05.000000"), f.Port, what, f.Len, Summary(f.Data))
	return err
}

func (text) Close() error { return nil }

// Summary says in one line what a frame is.
func Summary(data []byte) string {
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	var parts []string
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			parts = append(parts, fmt.Sprintf("%s > %s", l.SrcMAC, l.DstMAC))
		case *layers.Dot1Q:
			parts = append(parts, fmt.Sprintf("vlan %d", l.VLANIdentifier))
		case *layers.ARP:
			parts = append(parts, fmt.Sprintf("ARP op %d %v > %v", l.Operation, ip(l.SourceProtAddress), ip(l.DstProtAddress)))
		case *layers.IPv4:
			parts = append(parts, fmt.Sprintf("%s > %s %s", l.SrcIP, l.DstIP, l.Protocol))
		case *layers.IPv6:
			parts = append(parts, fmt.Sprintf("%s > %s %s", l.SrcIP, l.DstIP, l.NextHeader))
		case *layers.TCP:
			parts = append(parts, fmt.Sprintf("%d > %d", l.SrcPort, l.DstPort))
		case *layers.UDP:
			parts = append(parts, fmt.Sprintf("%d > %d", l.SrcPort, l.DstPort))
		case *layers.ICMPv4:
			parts = append(parts, l.TypeCode.String())
		case gopacket.ErrorLayer:
			parts = append(parts, "cut or malformed")
		}
	}
	return strings.Join(parts, " | ")
}

func ip(b []byte) string {
	if len(b) != 4 {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3])
}

// PCAPNG writes a section with one interface per port, which appear as frames
// of them come. Where a frame was captured and why it was dropped is in the
// interface's name, as "Vethernet3 drop giant".
func PCAPNG(w io.Writer, snap int) (Writer, error) {
	first := pcapgo.NgInterface{Name: "any", LinkType: layers.LinkTypeEthernet, SnapLength: uint32(snap)}
	ng, err := pcapgo.NewNgWriterInterface(w, first, pcapgo.NgWriterOptions{
		SectionInfo: pcapgo.NgSectionInfo{Application: "trunkline vemcmd capture"},
	})
	if err != nil {
		return nil, err
	}
	return &pcapng{ng: ng, snap: snap, ids: map[string]int{}}, nil
}

type pcapng struct {
	ng   *pcapgo.NgWriter
	snap int
	ids  map[string]int
}

// maxInterfaces bounds the interface blocks of one stream.
const maxInterfaces = 4096

func (p *pcapng) Write(f Frame) error {
	name := strings.TrimSpace(f.Port + " " + f.Point + " " + f.Why)
	id, ok := p.ids[name]
	if !ok && len(p.ids) < maxInterfaces {
		var err error
		id, err = p.ng.AddInterface(pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet, SnapLength: uint32(p.snap)})
		if err != nil {
			return err
		}
		p.ids[name] = id
	}
	err := p.ng.WritePacket(gopacket.CaptureInfo{
		Timestamp: f.Time, CaptureLength: len(f.Data), Length: f.Len, InterfaceIndex: id,
	}, f.Data)
	if err != nil {
		return err
	}
	return p.ng.Flush()
}

func (p *pcapng) Close() error { return p.ng.Flush() }
