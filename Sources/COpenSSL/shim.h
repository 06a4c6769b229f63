#ifndef APUS_COPENSSL_SHIM_H
#define APUS_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// What OpenSSL has as macros, which Swift does not see.

static inline int apus_tls_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

// Neither renegotiation nor compression has a use in mail, and both have a history.
static inline void apus_tls_set_safe_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

static inline long apus_tls_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }

static inline long apus_tls_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int apus_tls_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline long apus_tls_set_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

static inline long apus_tls_on_server_name(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    return SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline int apus_tls_set_data(SSL *ssl, void *data) { return SSL_set_app_data(ssl, data); }
static inline void *apus_tls_data(const SSL *ssl) { return SSL_get_app_data(ssl); }

static inline EVP_PKEY *apus_tls_new_p256(void) { return EVP_EC_gen("P-256"); }

static inline EVP_PKEY *apus_tls_new_rsa(int bits) { return EVP_RSA_gen((unsigned int)bits); }

static inline int apus_tls_error_library(unsigned long code) { return ERR_GET_LIB(code); }
static inline int apus_tls_error_reason(unsigned long code) { return ERR_GET_REASON(code); }

// The DNS names of a certificate, one by one; NULL where a name is of another kind.
static inline int apus_tls_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
static inline const ASN1_STRING *apus_tls_dns_name(const GENERAL_NAMES *names, int index) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    return name->type == GEN_DNS ? name->d.dNSName : NULL;
}

#endif
