package ether

import (
	"errors"
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// VLANID is an IEEE 802.1Q VLAN identifier. 1 to 4094 name a VLAN; 0 stands
// for "none".
type VLANID uint16

// The range of usable identifiers (IEEE 802.1Q-2022 table 9-2).
const (
	MinVLAN VLANID = 1
	MaxVLAN VLANID = 4094
)

// Valid reports whether v names a VLAN.
func (v VLANID) Valid() bool { return v >= MinVLAN && v <= MaxVLAN }

// VLANSet is a set of VLAN identifiers. The zero value is empty; sets are
// compared with == and changed by the methods that return a new set.
type VLANSet struct{ w [64]uint64 }

// ErrVLANList is returned by ParseVLANSet for text that is no list of VLANs.
var ErrVLANList = errors.New("invalid vlan list")

// AllVLANs returns 1-4094.
func AllVLANs() VLANSet {
	var s VLANSet
	for i := range s.w {
		s.w[i] = ^uint64(0)
	}
	s.w[0] &^= 1
	s.w[63] &^= 1 << 63
	return s
}

// VLANs returns the set of the given identifiers; invalid ones are left out.
func VLANs(ids ...VLANID) VLANSet {
	var s VLANSet
	for _, v := range ids {
		s = s.With(v)
	}
	return s
}

// ParseVLANSet reads a list such as "1,10,20-25"; "none" and "" are empty and
// "all" is 1-4094. Members may repeat; a range must ascend.
func ParseVLANSet(text string) (VLANSet, error) {
	var s VLANSet
	switch strings.ToLower(text) {
	case "", "none":
		return s, nil
	case "all":
		return AllVLANs(), nil
	}
	for part := range strings.SplitSeq(text, ",") {
		lo, hi, isRange := strings.Cut(part, "-")
		a, err := parseID(lo)
		if err != nil {
			return VLANSet{}, err
		}
		b := a
		if isRange {
			if b, err = parseID(hi); err != nil || b < a {
				return VLANSet{}, ErrVLANList
			}
		}
		for v := a; v <= b; v++ {
			s.w[v>>6] |= 1 << (v & 63)
		}
	}
	return s, nil
}

func parseID(s string) (VLANID, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || !VLANID(n).Valid() {
		return 0, ErrVLANList
	}
	return VLANID(n), nil
}

// String prints the set as a list with ranges, "none" when it is empty.
func (s VLANSet) String() string {
	var b strings.Builder
	for lo := VLANID(1); lo <= MaxVLAN; lo++ {
		if !s.Has(lo) {
			continue
		}
		hi := lo
		for hi < MaxVLAN && s.Has(hi+1) {
			hi++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(lo)))
		if hi > lo {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(int(hi)))
		}
		lo = hi
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}

// Has reports whether v is in the set.
func (s *VLANSet) Has(v VLANID) bool {
	return v <= MaxVLAN && s.w[v>>6]&(1<<(v&63)) != 0
}

// With returns the set with v added; an invalid v changes nothing.
func (s VLANSet) With(v VLANID) VLANSet {
	if v.Valid() {
		s.w[v>>6] |= 1 << (v & 63)
	}
	return s
}

// Without returns the set with v removed.
func (s VLANSet) Without(v VLANID) VLANSet {
	if v.Valid() {
		s.w[v>>6] &^= 1 << (v & 63)
	}
	return s
}

// Union returns the members of either set.
func (s VLANSet) Union(o VLANSet) VLANSet {
	for i := range s.w {
		s.w[i] |= o.w[i]
	}
	return s
}

// Minus returns the members of s that are not in o.
func (s VLANSet) Minus(o VLANSet) VLANSet {
	for i := range s.w {
		s.w[i] &^= o.w[i]
	}
	return s
}

// Intersect returns the members of both sets.
func (s VLANSet) Intersect(o VLANSet) VLANSet {
	for i := range s.w {
		s.w[i] &= o.w[i]
	}
	return s
}

// Len returns the number of members.
func (s VLANSet) Len() int {
	n := 0
	for _, w := range s.w {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether the set has no member.
func (s VLANSet) Empty() bool { return s == VLANSet{} }

// All yields the members in ascending order.
func (s VLANSet) All() iter.Seq[VLANID] {
	return func(yield func(VLANID) bool) {
		for i, w := range s.w {
			for ; w != 0; w &= w - 1 {
				if !yield(VLANID(i<<6 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// MarshalText writes the set as its list, so that JSON carries "1,10,20-25".
func (s VLANSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *VLANSet) UnmarshalText(b []byte) error {
	v, err := ParseVLANSet(string(b))
	if err == nil {
		*s = v
	}
	return err
}
