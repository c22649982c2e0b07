package ifctl

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// answer is what the kernel says of a device that has dropped n frames.
func answer(n uint64) []byte {
	b := make([]byte, unix.SizeofNlMsghdr+statsMsg+unix.SizeofNlAttr+200)
	order := binary.NativeEndian
	order.PutUint32(b, uint32(len(b)))
	order.PutUint16(b[4:], unix.RTM_NEWSTATS)
	order.PutUint16(b[28:], unix.SizeofNlAttr+200)
	order.PutUint16(b[30:], statsLink)
	order.PutUint64(b[32+8*txDropped:], n)
	return b
}

func TestParseStats(t *testing.T) {
	if n, err := parseStats(answer(7)); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	refused := answer(7)
	binary.NativeEndian.PutUint16(refused[4:], unix.NLMSG_ERROR)
	code := -int32(unix.ENODEV)
	binary.NativeEndian.PutUint32(refused[16:], uint32(code))
	if _, err := parseStats(refused); !errors.Is(err, unix.ENODEV) {
		t.Errorf("an error of the kernel: %v", err)
	}
	for n := range len(answer(0)) {
		if _, err := parseStats(answer(7)[:n]); err == nil && n < 32+8*(txDropped+1) {
			t.Errorf("%d bytes are enough", n)
		}
	}
}

func FuzzParseStats(f *testing.F) {
	f.Add(answer(7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parseStats(b); err != nil && n != 0 {
			t.Errorf("%d beside %v", n, err)
		}
	})
}

func TestTxDropped(t *testing.T) {
	c, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a socket without data
	lo, err := c.Index("lo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.TxDropped(lo); err != nil {
		t.Error(err)
	}
	if _, err := c.TxDropped(1 << 30); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a device that is not there: %v", err)
	}
}
