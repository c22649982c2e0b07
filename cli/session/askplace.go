package session

import (
	"context"
	"io"
	"strings"

	"trunkline/cli/location"
	"trunkline/feature"
)

// Parts of a URL that a copy leaves out are asked for: the file, the VRF, the host
// and the user. Passwords are asked for by who connects.

// errNoParts is the answer where parts are missing and nobody can be asked.
const errNoParts = feature.Error("ERROR: The URL has no file, and there is nobody to be asked: give all of it.")

const maxAsked = 5 // times that one part is asked for

// complete asks for what is missing of a place; of is what it is called: "source".
func (r *request) complete(ctx context.Context, of string, p *filePlace) error {
	if !p.partial {
		return nil
	}
	if !r.opts.Interactive || r.dontAsk {
		return errNoParts
	}
	file, err := r.part(ctx, "Enter "+of+" filename: ", func(s string) bool { return s != "" || of == "destination" })
	if err != nil {
		return err
	}
	if r.vrf() == "" {
		question := "Enter vrf (management or default; if no input, default is considered): "
		if r.askedVRF, err = r.part(ctx, question, func(s string) bool { return s == "" || vrfWords[s] != "" }); err != nil {
			return err
		}
	}
	host := p.url.Host
	if host == "" {
		question := "Enter hostname for the " + p.url.Scheme + " server: "
		host, err = r.part(ctx, question, func(s string) bool { _, err := p.url.Completed(s, "x"); return err == nil })
		if err != nil {
			return err
		}
	}
	if p.url.User == "" {
		if p.url.User, err = r.part(ctx, "Enter username: ", func(string) bool { return true }); err != nil {
			return err
		}
	}
	if p.url, err = p.url.Completed(host, file); err != nil {
		return err
	}
	p.partial = false
	return nil
}

// part asks for one part until the answer is one.
func (r *request) part(ctx context.Context, question string, valid func(string) bool) (string, error) {
	for range maxAsked {
		answer, err := r.console.Ask(ctx, question)
		if err != nil {
			return "", err
		}
		if answer = strings.TrimSpace(answer); valid(answer) {
			return answer, nil
		}
		io.WriteString(r.console, "Invalid input.\n")
	}
	return "", errSilent
}

// partialURL reads a URL whose parts are to be asked for.
func partialURL(text string) (location.URL, bool) {
	if location.Is(text) {
		if _, err := location.Parse(text); err == nil {
			return location.URL{}, false
		}
	}
	return location.Partial(text)
}
