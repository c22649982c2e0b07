package vhostuser

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// pair returns a session without a goroutine, and the other end of its
// connection.
func pair(t testing.TB) (*session, *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c.(*net.UnixConn)
		t.Cleanup(func() { c.Close() })
	}
	p := &Port{c: Config{Path: "/x", Queues: 2, Log: silent{}}, kicks: []int{-1, -1},
		trouble: make(chan struct{}, 1), news: make(chan struct{}, 1), done: make(chan struct{})}
	p.view.Store(&view{})
	return newSession(p, conns[0]), conns[1]
}

func wire(number, flags uint32, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, number)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// FuzzSession hands a session any bytes as its front end's, each message with a
// descriptor of memory: it ends or it does not, and holds no descriptor after
// its end.
func FuzzSession(f *testing.F) {
	var talk []byte
	region := make([]byte, 40)
	binary.LittleEndian.PutUint32(region, 1)
	binary.LittleEndian.PutUint64(region[16:], 8192)
	for _, m := range [][]byte{
		wire(1, 1, nil), wire(16, 1, u64(offeredProtocol)), wire(2, 9, u64(1<<fVersion1|1<<fProtocolFeatures)),
		wire(5, 9, region), wire(8, 9, append([]byte{1, 0, 0, 0}, 8, 0, 0, 0)), wire(18, 9, append([]byte{1, 0, 0, 0}, 1, 0, 0, 0)),
		wire(9, 9, make([]byte, 40)), wire(12, 1, u64(1)), wire(11, 1, make([]byte, 8)), wire(19, 1, u64(0x010203040506)),
		wire(31, 1, append(make([]byte, 16), 4, 0, 8, 0)), wire(37, 9, region), wire(6, 1, make([]byte, 16)),
	} {
		talk = append(talk, m...)
		f.Add(m)
	}
	f.Add(talk)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		s, peer := pair(t)
		fd, err := unix.MemfdCreate("fuzz", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Ftruncate(fd, 8192); err != nil {
			t.Fatal(err)
		}
		before := descriptors(t)
		go func() {
			for at := 0; at+headerLen <= len(data); {
				n := headerLen + int(binary.LittleEndian.Uint32(data[at+8:])%(maxPayload+2))
				n = min(n, len(data)-at)
				var oob []byte
				if data[at]&1 != 0 {
					oob = unix.UnixRights(fd)
				}
				if _, _, err := peer.WriteMsgUnix(data[at:at+n], oob, nil); err != nil {
					break
				}
				at += n
			}
			peer.CloseWrite()
			b := make([]byte, 4096)
			for {
				if _, err := peer.Read(b); err != nil {
					return
				}
			}
		}()
		_ = s.run() // whatever it was
		if after := descriptors(t); after > before {
			t.Fatalf("%d descriptors, %d before", after, before)
		}
		if v := s.p.view.Load(); len(v.rings) != 0 {
			t.Fatal("rings are left")
		}
	})
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestReplies wants an answer to each request that asks for one, when that was
// agreed on, and to no other.
func TestReplies(t *testing.T) {
	s, peer := pair(t)
	ended := make(chan error, 1)
	go func() { ended <- s.run() }()
	ask := func(m []byte, answered bool, want uint64) {
		t.Helper()
		if _, err := peer.Write(m); err != nil {
			t.Fatal(err)
		}
		if !answered {
			return
		}
		b := make([]byte, headerLen+8)
		if err := peer.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(b); err != nil {
			t.Fatalf("request %d: %v", m[0], err)
		}
		if string(b[:4]) != string(m[:4]) || binary.LittleEndian.Uint32(b[4:]) != 5 || binary.LittleEndian.Uint64(b[headerLen:]) != want {
			t.Errorf("request %d is answered by %x, want %#x", m[0], b, want)
		}
	}
	ask(wire(1, 1, nil), true, offered|1<<fMQ)
	ask(wire(3, 9, nil), false, 0) // not agreed on yet
	ask(wire(15, 1, nil), true, offeredProtocol)
	ask(wire(16, 1, u64(1<<pReplyAck)), false, 0)
	ask(wire(3, 1, nil), false, 0)
	ask(wire(3, 9, nil), true, 0)
	ask(wire(17, 9, nil), true, 2)
	ask(wire(36, 1, nil), true, 64)
	ask(wire(2, 9, u64(1<<63)), true, 1)
	ask(wire(22, 9, nil), true, 1) // not supported
	ask(wire(18, 9, append([]byte{1, 0, 0, 0}, 1, 0, 0, 0)), true, 0)
	ask(wire(18, 9, append([]byte{4, 0, 0, 0}, 1, 0, 0, 0)), true, 1)
	ask(wire(2, 1, u64(1<<63)), false, 0) // refused, and nobody to tell
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "were not offered") {
			t.Errorf("session ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("session goes on")
	}
}

// TestSocket wants a server to replace what a process left behind, and nothing
// else, and to leave nothing behind.
func TestSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	open := func() (*Port, error) { return Open(Config{Path: path}) }
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := open(); err == nil {
		p.Close()
		t.Fatal("a file in the way is accepted")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Fatalf("the file is %q, %v", b, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := open(); err == nil {
		p.Close()
		t.Fatal("took another's socket")
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	old := syscall.Umask(0o077)
	p, err := open()
	syscall.Umask(old)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != socketMode {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error("closed again:", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket is left: %v", err)
	}
	if _, err := Open(Config{Path: strings.Repeat("/a", 54)}); err == nil {
		t.Error("a path that is too long")
	}
}

// TestReconnect lets a client find its server whenever it comes.
func TestReconnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p, err := Open(Config{Path: path, Client: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		c, err := l.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(wire(1, 1, nil)); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, headerLen+8)
		if _, err := c.Read(b); err != nil || binary.LittleEndian.Uint64(b[headerLen:]) != offered {
			t.Errorf("%x, %v", b, err)
		}
		c.Close()
		l.Close()
	}
}

// TestAnnounce wants the reverse ARP request that a front end has asked for to
// look as one.
func TestAnnounce(t *testing.T) {
	s, _ := pair(t)
	m := &message{payload: []byte{0x52, 0x54, 0, 1, 2, 3, 0, 0}}
	if _, err := s.sendRARP(m); err != nil {
		t.Fatal(err)
	}
	q, err := s.p.Queue(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var b frame.Batch
	if !q.(*queue).announce(&b, 0) || q.(*queue).announce(&b, 0) {
		t.Fatal("not announced once")
	}
	want := "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x01\x02\x03\x80\x35\x00\x01\x08\x00\x06\x04\x00\x03" +
		"\x52\x54\x00\x01\x02\x03\x00\x00\x00\x00\x52\x54\x00\x01\x02\x03" + strings.Repeat("\x00", 22)
	if got := string(b.Frames[0].Bytes()); got != want || b.Drop[0] != frame.Forward {
		t.Errorf("got %x\nwant %x", got, want)
	}
	if q, err := s.p.Queue(0, 2); err == nil {
		q.Close()
		t.Error("a third queue")
	}
	if q, err := s.p.Queue(0, port.SendOnly); err != nil || q.FD() != -1 {
		t.Errorf("send only: %v", err)
	} else if err := q.Close(); err != nil {
		t.Error(err)
	}
}

// TestRouse starts a ring in which a device before had published a chain without a
// call: the driver, which sleeps, is called, whether its descriptor comes before
// the start or after.
func TestRouse(t *testing.T) {
	event := func() int {
		fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, order := range [][]uint32{{13, 12}, {12, 13}} { // call, kick
		for ring := range byte(2) {
			s, _ := pair(t)
			do := func(request uint32, fd int, payload []byte) {
				t.Helper()
				m := message{request: request, payload: payload}
				if fd >= 0 {
					m.fds = []int{fd}
				}
				if _, err := s.dispatch(&m); err != nil {
					t.Fatal(err)
				}
				m.close()
			}
			mem, err := unix.MemfdCreate("rouse", unix.MFD_CLOEXEC)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Ftruncate(mem, 8192); err != nil {
				t.Fatal(err)
			}
			region, place := make([]byte, 40), make([]byte, 40)
			region[0], region[17] = 1, 0x20 // 8192 bytes
			place[0], place[17], place[25] = ring, 4, 2
			do(5, mem, region)
			do(8, -1, []byte{ring, 0, 0, 0, 8, 0, 0, 0})
			do(9, -1, place)
			call := event()
			driver, err := unix.Dup(call)
			if err != nil {
				t.Fatal(err)
			}
			for _, request := range order {
				if request == 12 {
					do(request, event(), u64(uint64(ring)))
				} else {
					do(request, call, u64(uint64(ring)))
				}
			}
			if s.p.view.Load().lane(int(ring)) == nil {
				t.Fatal("the ring has not started")
			}
			var b [8]byte
			if _, err := unix.Read(driver, b[:]); err != nil {
				t.Errorf("ring %d, order %v: the driver was not called: %v", ring, order, err)
			}
			unix.Close(driver)
			if err := s.end(); err != nil {
				t.Error(err)
			}
		}
	}
}
