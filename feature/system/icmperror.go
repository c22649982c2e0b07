package system

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// extendedError is the size of struct sock_extended_err, which the address of
// the offender follows (ip(7)).
const extendedError = 16

var errForeign = errors.New("no ICMP error")

// parseError reads the control message of an error queue.
func parseError(b []byte) (answer, error) {
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return answer{}, err
	}
	for _, m := range messages {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if !v4 && !v6 || len(m.Data) < extendedError {
			continue
		}
		origin, kind, code := m.Data[4], m.Data[5], m.Data[6]
		offender := m.Data[extendedError:]
		if len(offender) < 2 {
			continue
		}
		var a answer
		switch family := binary.NativeEndian.Uint16(offender); {
		case v4 && origin == unix.SO_EE_ORIGIN_ICMP && family == unix.AF_INET && len(offender) >= 8:
			a.from = netip.AddrFrom4([4]byte(offender[4:8]))
			a.final, a.note = meaning4(kind, code)
		case v6 && origin == unix.SO_EE_ORIGIN_ICMP6 && family == unix.AF_INET6 && len(offender) >= 24:
			a.from = netip.AddrFrom16([16]byte(offender[8:24]))
			a.final, a.note = meaning6(kind, code)
		default:
			continue
		}
		return a, nil
	}
	return answer{}, errForeign
}

// meaning4 says what an error of RFC 792 is on the way: 11 is time exceeded, 3
// destination unreachable, of which the port is the host's own answer.
func meaning4(kind, code byte) (final bool, note string) {
	switch {
	case kind != 3:
		return false, ""
	case code == 3:
		return true, ""
	case code == 0:
		return true, "!N"
	case code == 1:
		return true, "!H"
	case code == 2:
		return true, "!P"
	}
	return true, "!X"
}

// meaning6 is meaning4 for RFC 4443: 3 is time exceeded, 1 destination
// unreachable.
func meaning6(kind, code byte) (final bool, note string) {
	switch {
	case kind != 1:
		return false, ""
	case code == 4:
		return true, ""
	case code == 0:
		return true, "!N"
	case code == 3:
		return true, "!H"
	}
	return true, "!X"
}
