package capture

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"
)

var arp = []byte{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 10, 0x08, 0x06,
	0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 4,
}

func TestText(t *testing.T) {
	var b strings.Builder
	w := Text(&b)
	f := Frame{Time: time.Unix(0, 0).UTC(), Point: "drop", Why: "giant", Port: "Vethernet1", Len: len(arp), Data: arp}
	if err := w.Write(f); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Vethernet1", "drop giant", "vlan 10", "ARP op 1 10.0.0.1 > 10.0.0.4"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %q", want, b.String())
		}
	}
}

func TestPCAPNG(t *testing.T) {
	var b bytes.Buffer
	w, err := PCAPNG(&b, 256)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 5000)
	for _, port := range []string{"Vethernet1", "Ethernet3/1", "Vethernet1"} {
		if err := w.Write(Frame{Time: at, Point: "rx", Port: port, Len: 9000, Data: arp}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewNgReader(&b, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, arp) || info.Length != 9000 || !info.Timestamp.Equal(at) {
			t.Errorf("read back %d bytes of %d at %v", len(data), info.Length, info.Timestamp)
		}
		i, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, i.Name)
	}
	if got := strings.Join(names, ","); got != "Vethernet1 rx,Ethernet3/1 rx,Vethernet1 rx" {
		t.Errorf("interfaces %s", got)
	}
}

func FuzzSummary(f *testing.F) {
	f.Add(arp)
	f.Fuzz(func(t *testing.T, data []byte) {
		if s := Summary(data); strings.ContainsAny(s, "\n\x1b") {
			t.Errorf("summary %q breaks the line", s)
		}
	})
}
