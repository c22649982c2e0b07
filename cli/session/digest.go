package session

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// digests are the checks of a file by the keyword of show file: MD5 and SHA-256
// in hexadecimal, and the CRC of POSIX cksum in decimal.
var digests = map[string]func() digest{
	"cksum":     func() digest { return &cksum{} },
	"md5sum":    func() digest { return hexadecimal{md5.New()} },
	"sha256sum": func() digest { return hexadecimal{sha256.New()} },
}

// digest takes a file and says its check.
type digest interface {
	io.Writer
	fmt.Stringer
}

type hexadecimal struct{ hash.Hash }

func (h hexadecimal) String() string { return hex.EncodeToString(h.Sum(nil)) }

// cksum is the CRC of POSIX cksum: that of Ethernet, the most significant bit
// first, over the file and then its length, the least significant octet first.
type cksum struct {
	crc    uint32
	length uint64
}

// cksumTable is the CRC of each octet.
var cksumTable = func() (table [256]uint32) {
	for i := range table {
		crc := uint32(i) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

func (c *cksum) add(b byte) { c.crc = c.crc<<8 ^ cksumTable[byte(c.crc>>24)^b] }

func (c *cksum) Write(p []byte) (int, error) {
	for _, b := range p {
		c.add(b)
	}
	c.length += uint64(len(p))
	return len(p), nil
}

func (c *cksum) String() string {
	end := *c
	for n := c.length; n != 0; n >>= 8 {
		end.add(byte(n))
	}
	return strconv.FormatUint(uint64(^end.crc), 10)
}

// showDigest prints the check of a file, which says whether a guess of its
// contents is right.
func showDigest(_ context.Context, r *request) error {
	d := digests[r.match.Words[len(r.match.Words)-1]]()
	if err := r.readFile(d); err != nil {
		return err
	}
	_, err := fmt.Fprintln(r.out, d)
	return err
}
