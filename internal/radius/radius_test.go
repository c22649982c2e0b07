package radius

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of RFC 2865 §7.1.
func TestHiddenPassword(t *testing.T) {
	authenticator := [16]byte(unhex(t, "0f403f9473978057bd83d5cb98f4227a"))
	if got := hide("arctangent", "xyzzy5461", authenticator); hex.EncodeToString(got) != "0dbe708d93d413ce3196e43f782a0aee" {
		t.Errorf("hidden %x", got)
	}
	if got := len(hide("", "s", authenticator)); got != 16 {
		t.Errorf("no password is %d bytes", got)
	}
	if got := len(hide("0123456789abcdefg", "s", authenticator)); got != 32 {
		t.Errorf("17 characters are %d bytes", got)
	}
}

// reply is a genuine answer to a request, changed before it is signed and after.
func reply(t testing.TB, request *Packet, secret string, signed bool, before func(*Packet)) []byte {
	t.Helper()
	p := &Packet{Code: AccessAccept, ID: request.ID, Authenticator: request.Authenticator}
	if signed {
		p.Attributes = append(p.Attributes, Attribute{MessageAuthenticator, make([]byte, 16)})
	}
	p.Add(ReplyMessage, "welcome")
	if before != nil {
		before(p)
	}
	if signed {
		if err := p.sign(secret); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(append(bytes.Clone(b), secret...))
	copy(b[authBegin:], sum[:])
	return b
}

func TestAnswers(t *testing.T) {
	request, err := Login("bob", "secret", "shared")
	if err != nil {
		t.Fatal(err)
	}
	genuine := reply(t, request, "shared", true, nil)
	if answer, ok := request.Answers(genuine, "shared"); !ok || answer.Code != AccessAccept {
		t.Fatalf("a genuine answer: %v, %v", answer, ok)
	}
	if _, ok := request.Answers(append(bytes.Clone(genuine), 0, 0), "shared"); !ok {
		t.Error("padding makes a difference")
	}
	flipped := bytes.Clone(genuine)
	flipped[len(flipped)-1] ^= 1
	for name, b := range map[string][]byte{
		"of another secret":                   reply(t, request, "other", true, nil),
		"without Message-Authenticator":       reply(t, request, "shared", false, nil),
		"of another number":                   reply(t, request, "shared", true, func(p *Packet) { p.ID++ }),
		"to another request":                  reply(t, request, "shared", true, func(p *Packet) { p.Authenticator[3] ^= 1 }),
		"changed on the way":                  flipped,
		"cut":                                 genuine[:len(genuine)-1],
		"with a second Message-Authenticator": reply(t, request, "shared", true, func(p *Packet) { p.Attributes = append(p.Attributes, p.Attributes[0]) }),
		"empty":                               nil,
	} {
		if _, ok := request.Answers(b, "shared"); ok {
			t.Errorf("an answer %s is taken", name)
		}
	}
}

func TestAVPairs(t *testing.T) {
	p := &Packet{}
	pair := func(vendor uint32, kind byte, text string) {
		v := binary.BigEndian.AppendUint32(nil, vendor)
		v = append(append(v, kind, byte(len(text)+2)), text...)
		p.Attributes = append(p.Attributes, Attribute{VendorSpecific, v})
	}
	pair(cisco, ciscoAVPair, `shell:roles="a b"`)
	pair(cisco, 2, "other")
	pair(311, ciscoAVPair, "other")
	p.Attributes = append(p.Attributes, Attribute{VendorSpecific, []byte{0, 0, 0, 9, 1, 9, 'x'}}, Attribute{VendorSpecific, []byte{0, 0, 0, 9, 1, 0}}, Attribute{VendorSpecific, nil})
	if got := p.AVPairs(); len(got) != 1 || got[0] != `shell:roles="a b"` {
		t.Errorf("pairs %q", got)
	}
}

// A server that is silent, or sends what is no answer, costs so many times its
// timeout and no more.
func TestSilentServer(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan []byte, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, MaxPacket); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			requests <- bytes.Clone(b[:n])
			_, _ = conn.WriteTo([]byte("nonsense"), from)
		}
	}()
	request, err := Login("bob", "secret", "shared")
	if err != nil {
		t.Fatal(err)
	}
	s := Server{Address: conn.LocalAddr().String(), Secret: "shared", Timeout: 20 * time.Millisecond, Retransmit: 2}
	if _, err := s.Exchange(t.Context(), request); !errors.Is(err, ErrSilent) {
		t.Errorf("error %v", err)
	}
	conn.Close()
	<-done
	first := <-requests
	for range 2 {
		if again := <-requests; !bytes.Equal(first, again) {
			t.Error("another request is sent again")
		}
	}
	if len(requests) != 0 {
		t.Errorf("%d requests too many", len(requests))
	}
}

func FuzzAnswers(f *testing.F) {
	request, err := Login("bob", "secret", "shared")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reply(f, request, "shared", true, nil))
	f.Add([]byte{2, 0, 0, 20})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Parse(b); err == nil {
			p.AVPairs()
			again, err := p.Encode()
			if err != nil || !bytes.Equal(again, b[:len(again)]) {
				t.Fatalf("%x is written as %x, %v", b, again, err)
			}
		}
		request.Answers(b, "shared")
	})
}
