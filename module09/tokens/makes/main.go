// Command makes prints a token without a signature. It uses the library jwt, too, but not the function that reads.
package main

import (
	"fmt"
	"os"

	"github.com/golang-jwt/jwt/v5"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Println("usage: makes NAME")
		return
	}
	token := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": os.Args[1]})
	text, err := token.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(text)
}
