package vhost_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
)

// long reports whether the tests are to take the time that their classes ask
// for (dataplane.md §10), instead of the seconds of an ordinary run.
func long() bool { return os.Getenv("TRUNKLINE_LONG") != "" }

// times returns how often something is done.
func times(short, all int) int {
	if long() {
		return all
	}
	return short
}

// card is a data plane with vhost-user ports in one VLAN.
type card struct {
	*testing.T
	engine *pipeline.Engine
	names  []string
	paths  []string
	*wiring
}

// wiring opens the ports of a card, and opens again those whose memory was taken
// away, as the card's attachment does.
type wiring struct {
	mu    sync.Mutex
	ports []*vhostuser.Port
}

// port returns an open port.
func (w *wiring) port(i int) *vhostuser.Port {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ports[i]
}

func (w *wiring) set(i int, p *vhostuser.Port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports[i] = p
}

// newCard makes a card with n ports; set changes the configuration of each.
func newCard(t *testing.T, n int, set func(*vhostuser.Config)) *card {
	t.Helper()
	c := &card{T: t, wiring: &wiring{ports: make([]*vhostuser.Port, n)}}
	gone := make(chan string, 8)
	c.engine = pipeline.New(pipeline.Config{OnEvent: func(e pipeline.Event) {
		if e.Kind == pipeline.EventGone {
			gone <- e.Port
		}
	}})
	dir := t.TempDir()
	for i := range n {
		c.names = append(c.names, fmt.Sprintf("Vethernet%d", i+1))
		c.paths = append(c.paths, filepath.Join(dir, fmt.Sprint("s", i)))
	}
	err := c.engine.Apply(func(b *pipeline.Builder) error {
		b.Activate(ether.VLANs(1))
		for _, name := range c.names {
			p, err := b.AddPort(name)
			if err != nil {
				return err
			}
			p.Vethernet, p.Up = true, true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.engine.Run(ctx) }()
	// A port that closes tells so while the engine waits for it, hence a
	// goroutine in between.
	changed := make(chan struct{}, 1)
	attach := func(i int) error {
		o := vhostuser.Config{Path: c.paths[i], Log: quiet(t), Changed: func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		}}
		if set != nil {
			set(&o)
		}
		p, err := vhostuser.Open(o)
		if err != nil {
			return err
		}
		c.set(i, p)
		return c.engine.SetPort(c.names[i], p)
	}
	var refresher sync.WaitGroup
	refresher.Go(func() {
		for {
			select {
			case name := <-gone:
				err := c.engine.RemovePort(name)
				if err == nil {
					err = attach(slices.Index(c.names, name))
				}
				if err != nil {
					t.Error(err)
				}
			case <-changed:
				for _, name := range c.names {
					c.engine.Refresh(name)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		refresher.Wait()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for i := range c.names {
		if err := attach(i); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func quiet(t *testing.T) *slog.Logger {
	if testing.Verbose() && os.Getenv("TRUNKLINE_LOG") != "" {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// until waits for a condition.
func (c *card) until(what string, ok func() bool) {
	c.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			c.Fatalf("%s: not within 10 s", what)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// dial connects a front end to a port and leaves the rest to the caller.
func (c *card) dial(i int, o vhost.Options) *vhost.Peer {
	c.Helper()
	p, err := vhost.Dial(c.paths[i], o)
	if err != nil {
		c.Fatal(err)
	}
	return p
}

// plug connects a front end to a port, starts it and waits until frames may
// pass. The peer is closed with the test, if it was not before.
func (c *card) plug(i int, o vhost.Options) *vhost.Peer {
	c.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		p := c.dial(i, o)
		c.Cleanup(func() { _ = p.Close() }) // it may be closed already
		err := p.Start()
		// A port that lost its memory may be about to be replaced: then the
		// connection ends, now or in a moment, and a front end makes another.
		if err == nil {
			for patience := time.Now().Add(2 * time.Second); time.Now().Before(patience); time.Sleep(50 * time.Microsecond) {
				if c.engine.Link(c.names[i]).Up {
					return p
				}
			}
			_ = p.Close()
			err = fmt.Errorf("%s does not come up", c.names[i])
		} else if !closed(err) {
			c.Fatal(err)
		}
		if time.Now().After(deadline) {
			c.Fatal(err)
		}
	}
}

func (c *card) up(i int) {
	c.Helper()
	c.until("port comes up", func() bool { return c.engine.Link(c.names[i]).Up })
}

// unplug closes a front end and waits until the port has noticed.
func (c *card) unplug(i int, p *vhost.Peer) {
	c.Helper()
	if err := p.Close(); err != nil {
		c.Error(err)
	}
	c.until("port goes down", func() bool { return !c.engine.Link(c.names[i]).Up })
}

// alive passes frames between two front ends that have receive buffers on offer
// with room for 1514 bytes, and fails the test if they do not arrive.
func (c *card) alive(a, b *vhost.Peer) {
	c.Helper()
	for i := range 3 {
		c.pass(a, b, vhost.Frame{Data: numbered(60+500*i, i, 1, 2)}, vhost.Shape{})
		c.pass(b, a, vhost.Frame{Data: numbered(1514-500*i, i, 2, 1)}, vhost.Shape{})
	}
}

// pass sends a frame and expects it at the other end, unchanged.
func (c *card) pass(from, to *vhost.Peer, f vhost.Frame, s vhost.Shape) {
	c.Helper()
	if err := from.Send(0, f, s); err != nil {
		c.Fatalf("send %d bytes in pieces %v: %v", len(f.Data), s, err)
	}
	got, err := to.Receive(0)
	if err != nil {
		c.Fatalf("%d bytes in pieces %v: %v", len(f.Data), s, err)
	}
	if !bytes.Equal(got.Data, f.Data) {
		c.Fatalf("%d bytes in pieces %v: got\n%x, want\n%x", len(f.Data), s, got.Data, f.Data)
	}
}

// offer posts receive chains for frames of up to 1514 bytes.
func (c *card) offer(peers ...*vhost.Peer) {
	c.Helper()
	for _, p := range peers {
		if _, err := p.Offer(0, p.RingSize, 1600, vhost.Shape{}); err != nil {
			c.Fatal(err)
		}
	}
}

// outcome waits until the back end has either returned all chains of a ring or
// given the ring up, which takes the port's carrier.
func (c *card) outcome(i int, r *vhost.Ring) (broken bool) {
	c.Helper()
	c.until("the back end returns the chain or gives the ring up", func() bool {
		_, avail := r.AvailIdx()
		_, used := r.UsedIdx()
		broken = !c.port(i).Info().Carrier
		return broken || used == avail
	})
	return broken
}

// numbered returns a frame of n bytes, at least 22, from host src to host dst,
// which carries its number and random bytes, and ends with a checksum of it all.
func numbered(n, number int, src, dst byte) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(n), uint64(number)))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	copy(b, []byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 0x88, 0xb5})
	if n >= 22 {
		binary.BigEndian.PutUint32(b[14:], uint32(number))
		binary.BigEndian.PutUint32(b[n-4:], crc32.ChecksumIEEE(b[:n-4]))
	}
	return b
}

// whole reports whether a frame is one of numbered, unchanged.
func whole(b []byte) bool {
	return len(b) >= 22 && binary.BigEndian.Uint32(b[len(b)-4:]) == crc32.ChecksumIEEE(b[:len(b)-4])
}

// base are the features that every driver of today has.
const base = uint64(vhost.FeatureVersion1 | vhost.FeatureProtocol)

var _ port.Port = (*vhostuser.Port)(nil)

// closed reports whether an error says that the back end has hung up.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}
