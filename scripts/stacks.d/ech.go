// A TLS server and client with Encrypted Client Hello (RFC 9849), by Go's standard library.
//
//	ech server ADDRESS PUBLIC_NAME CERTIFICATE KEY    prints its ECHConfigList in base64, then answers connections
//	ech client ADDRESS NAME CONFIG [http]             says a word to the hidden name; fails unless ECH was accepted
package main

import (
	"bufio"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

// prefixed puts a length of two bytes in front.
func prefixed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// config is an ECHConfig (RFC 9849 §4): X25519, HKDF-SHA256, AES-128-GCM.
func config(public string, key []byte) []byte {
	contents := []byte{7, 0, 0x20}
	contents = append(contents, prefixed(key)...)
	contents = append(contents, prefixed([]byte{0, 1, 0, 1})...)
	contents = append(contents, 32, byte(len(public)))
	contents = append(contents, public...)
	contents = append(contents, 0, 0)
	return append([]byte{0xfe, 0x0d}, prefixed(contents)...)
}

func server(address, public, certificate, key string) error {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	raw := config(public, own.PublicKey().Bytes())
	fmt.Println(base64.StdEncoding.EncodeToString(prefixed(raw)))
	accept := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "name %s, ech %v\n", r.TLS.ServerName, r.TLS.ECHAccepted)
		fmt.Fprintf(os.Stderr, "name %s, ech %v\n", r.TLS.ServerName, r.TLS.ECHAccepted)
	})
	keys := []tls.EncryptedClientHelloKey{{Config: raw, PrivateKey: own.Bytes(), SendAsRetry: true}}
	with := &tls.Config{Certificates: []tls.Certificate{pair}, EncryptedClientHelloKeys: keys}
	return (&http.Server{Addr: address, Handler: accept, TLSConfig: with}).ListenAndServeTLS("", "")
}

func client(address, name, list string) error {
	raw, err := base64.StdEncoding.DecodeString(list)
	if err != nil {
		return err
	}
	with := &tls.Config{ServerName: name, InsecureSkipVerify: true, EncryptedClientHelloConfigList: raw, NextProtos: []string{"http/1.1"}}
	connection, err := tls.Dial("tcp", address, with)
	if err != nil {
		return err
	}
	defer connection.Close()
	if !connection.ConnectionState().ECHAccepted {
		return fmt.Errorf("the server did not accept ECH")
	}
	fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name)
	answer, err := io.ReadAll(bufio.NewReader(connection))
	fmt.Printf("%s\n", answer)
	return err
}

func main() {
	var err error
	switch arguments := os.Args[1:]; {
	case len(arguments) == 5 && arguments[0] == "server":
		err = server(arguments[1], arguments[2], arguments[3], arguments[4])
	case len(arguments) == 4 && arguments[0] == "client":
		err = client(arguments[1], arguments[2], arguments[3])
	default:
		err = fmt.Errorf("see the beginning of ech.go")
	}
	if err != nil {
		log.Fatal(err)
	}
}
