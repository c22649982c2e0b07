//go:build !race

package term

const racing = false
