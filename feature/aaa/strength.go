package aaa

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a strong password has (password strength-check): so many characters, so
// many classes of them, and no run of so many that are equal or follow each
// other, such as 1111 or dcba.
const (
	minLength  = 8
	minClasses = 3
	maxRun     = 3
)

// weakness says why a password is weak, "" if it is not.
func weakness(user, password string) string {
	if utf8.RuneCountInString(password) < minLength {
		return fmt.Sprintf("it needs at least %d characters.", minLength)
	}
	var lower, upper, digit, other int
	run, step, last := 1, rune(0), rune(-1)
	for _, r := range password {
		switch {
		case unicode.IsLower(r):
			lower = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsDigit(r):
			digit = 1
		default:
			other = 1
		}
		d := r - last
		switch {
		case last >= 0 && d >= -1 && d <= 1 && (run == 1 || d == step):
			run, step = run+1, d
		case last >= 0 && d >= -1 && d <= 1:
			run, step = 2, d
		default:
			run = 1
		}
		if run > maxRun {
			return fmt.Sprintf("more than %d characters in a row are equal or follow each other.", maxRun)
		}
		last = r
	}
	if lower+upper+digit+other < minClasses {
		return fmt.Sprintf("it needs %d of small letters, capital letters, digits and other characters.", minClasses)
	}
	if strings.Contains(strings.ToLower(password), strings.ToLower(user)) && len(user) > 2 {
		return "it has the name of the user in it."
	}
	return ""
}
