package tree

import "strings"

func compareElem(a, b Elem) int {
	if a.Name != b.Name {
		return strings.Compare(a.Name, b.Name)
	}
	return Compare(a.Key, b.Key)
}

// Compare orders keys naturally: runs of digits by their number, all else by
// bytes. Keys that differ only in leading zeros are ordered by bytes, so that
// only equal keys compare as 0.
func Compare(a, b string) int {
	same := common(a, b)
	i, j := same, same
	for i < len(a) && j < len(b) {
		if !digit(a[i]) || !digit(b[j]) {
			if a[i] != b[j] {
				return int(a[i]) - int(b[j])
			}
			i, j = i+1, j+1
			continue
		}
		m, n := run(a[i:]), run(b[j:])
		x := strings.TrimLeft(a[i:i+m], "0")
		y := strings.TrimLeft(b[j:j+n], "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
		i, j = i+m, j+n
	}
	if c := (len(a) - i) - (len(b) - j); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// common returns the length of what both begin with, but for the digits at its
// end: they may be part of longer numbers.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && digit(a[n-1]) {
		n--
	}
	return n
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// run returns the length of the digits that s starts with.
func run(s string) int {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return n
}
