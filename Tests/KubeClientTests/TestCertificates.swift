// Certificates for tests, valid for a hundred years. Made with:
//   openssl ecparam -name prime256v1 -genkey; openssl req -x509 -days 36500 (authorities); openssl x509 -req (the others)

enum TestCertificates {
    /// Signed all the others.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBnDCCAUOgAwIBAgIUEqII0DDVIKq6cQjmT84fltKL8eYwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTAgFw0yNjExMjIxMTA1NTVaGA8y
        MTI2MTAyOTExMDU1NVowGzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTBZMBMG
        ByqGSM49AgEGCCqGSM49AwEHA0IABFmW0VjQQ3C0FgzvSRcf6WHZl4s/xT6Fxyxm
        jizvCko/VfU80X+bbjOzdWa2WC0glAOl9ZRmsOOzGNclyySDWlajYzBhMB0GA1Ud
        DgQWBBTC+xoLI+B4/N5M9TTEOawSkNAQjjAfBgNVHSMEGDAWgBTC+xoLI+B4/N5M
        9TTEOawSkNAQjjAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggq
        hkjOPQQDAgNHADBEAiBYvoerrmO/GG2CTwd9raHwBC9mXeg6QZc1odXHzIkL3gIg
        QJQ3dQvPAgvqaShX6TwvsZhZIiWOZGPSliMZwvxdyog=
        -----END CERTIFICATE-----
        """

    /// An authority that signed nothing here.
    static let otherAuthority = """
        -----BEGIN CERTIFICATE-----
        MIIBgjCCASegAwIBAgIURp/gummpp9jTo7jWzr0Oa4pefk8wCgYIKoZIzj0EAwIw
        FTETMBEGA1UEAwwKQW5vdGhlciBDQTAgFw0yNjExMjIxMTA1NTVaGA8yMTI2MTAy
        OTExMDU1NVowFTETMBEGA1UEAwwKQW5vdGhlciBDQTBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABBpVZoD2UaaU+F3s6yiGvqCwxHWluGRdBtlpr2eLUWIoiDM2JA/X
        zj/8nGODd3i+BQiT2XZZfw8vfWPXYnLvkgKjUzBRMB0GA1UdDgQWBBRiJcF7knpr
        JLj/YmqT/3U1JMIwxDAfBgNVHSMEGDAWgBRiJcF7knprJLj/YmqT/3U1JMIwxDAP
        BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDWRjMA6yKYwDZSmxtG
        WkKaQGqN13fi0jXDL2dow5A7HAIhAKZPsfNkCFQRfHBuvvM+9KzZ7VvXelIsgnQw
        LcH7UERf
        -----END CERTIFICATE-----
        """

    /// For 127.0.0.1 and localhost.
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBwDCCAWWgAwIBAgIUHob5UhMRH2JwVgGP4gRGGz91XEcwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTAgFw0yNjExMjIxMTA1NTVaGA8y
        MTI2MTAyOTExMDU1NVowEzERMA8GA1UEAwwIbG9vcGJhY2swWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAARQKR1LxsGQvDhRV7yRaypaPeOECzprDve2TcgEEMbkddED
        08EQ1bqN21Qz1Vhp2tuGsI/kEqvAHcupw7v0S6N2o4GMMIGJMAkGA1UdEwQCMAAw
        CwYDVR0PBAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMBoGA1UdEQQTMBGHBH8A
        AAGCCWxvY2FsaG9zdDAdBgNVHQ4EFgQUvLfXf6IBURCgF2jVcj2hYFKMCtswHwYD
        VR0jBBgwFoAUwvsaCyPgePzeTPU0xDmsEpDQEI4wCgYIKoZIzj0EAwIDSQAwRgIh
        ALpActu09suDK2ppiBlx/9cDHLll0dKmt/bNmgzXs7LJAiEA4VTAti8id/Jq1M7u
        bhLygvcD2Vsu7Mt6kPaFgGGEL+M=
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4vSCtEv0XnL1Qv2m
        ppWdmCMbuea8dfZW4t4o5ewZoluhRANCAARQKR1LxsGQvDhRV7yRaypaPeOECzpr
        Dve2TcgEEMbkddED08EQ1bqN21Qz1Vhp2tuGsI/kEqvAHcupw7v0S6N2
        -----END PRIVATE KEY-----
        """

    /// For kubernetes.test.
    static let named = """
        -----BEGIN CERTIFICATE-----
        MIIBwTCCAWegAwIBAgIUHob5UhMRH2JwVgGP4gRGGz91XEgwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTAgFw0yNjExMjIxMTA1NTVaGA8y
        MTI2MTAyOTExMDU1NVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABIhDXGe1ecRiOTEX+P2QY3hiM82+uL/hYOeCnnVFvy27
        K8TdxDp4DMGxTO6SAmsd5281+4RQ+uENDxn6Ul7vZZajgYwwgYkwCQYDVR0TBAIw
        ADALBgNVHQ8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwEwGgYDVR0RBBMwEYIP
        a3ViZXJuZXRlcy50ZXN0MB0GA1UdDgQWBBS9TCvkhDCVvHb6lyuQlRiKeQ/MyTAf
        BgNVHSMEGDAWgBTC+xoLI+B4/N5M9TTEOawSkNAQjjAKBggqhkjOPQQDAgNIADBF
        AiAzdo+a7LcMLbvmnzk9awNt9RE+qz5jFrLFp1PQ/ia5zwIhAOe5TnUR9WlpFieW
        7WQvcTjZ3Smaz6go/YkSS5VM6v9X
        -----END CERTIFICATE-----
        """

    static let namedKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3Ho9ZxLo7u3GZQ4K
        jGGUpqHpZjSn+VeQPn8mUdovRUOhRANCAASIQ1xntXnEYjkxF/j9kGN4YjPNvri/
        4WDngp51Rb8tuyvE3cQ6eAzBsUzukgJrHedvNfuEUPrhDQ8Z+lJe72WW
        -----END PRIVATE KEY-----
        """

    /// CN test-user.
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBozCCAUigAwIBAgIUHob5UhMRH2JwVgGP4gRGGz91XEkwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTAgFw0yNjExMjIxMTA1NTVaGA8y
        MTI2MTAyOTExMDU1NVowFDESMBAGA1UEAwwJdGVzdC11c2VyMFkwEwYHKoZIzj0C
        AQYIKoZIzj0DAQcDQgAEoiyr9zSEqXxrGGeKlzVjSPLezkXM5+tusfmlB/zafy6A
        MMFpmD8GP+MH5jx00BqeyD5j4beM1U0e/sw4FNE+JaNvMG0wCQYDVR0TBAIwADAL
        BgNVHQ8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYEFGD+p/0M
        bFpY9ZVqQ25gxyRCoKymMB8GA1UdIwQYMBaAFML7Ggsj4Hj83kz1NMQ5rBKQ0BCO
        MAoGCCqGSM49BAMCA0kAMEYCIQCLxYwgPeYCWPWuOSLsfCxlc1slWlYandrfq5iV
        yYHDBgIhAMUe5+3fGYrLFsn1IGgL4rrHlo3hiOA26zgHXEdh8/O6
        -----END CERTIFICATE-----
        """

    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYJ59D1SpFdGZZtNj
        9I06swEJytWSxa+qoEo0wOH40yahRANCAASiLKv3NISpfGsYZ4qXNWNI8t7ORczn
        626x+aUH/Np/LoAwwWmYPwY/4wfmPHTQGp7IPmPht4zVTR7+zDgU0T4l
        -----END PRIVATE KEY-----
        """

    /// CN other-user.
    static let client2 = """
        -----BEGIN CERTIFICATE-----
        MIIBozCCAUmgAwIBAgIUHob5UhMRH2JwVgGP4gRGGz91XEowCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQU3dpZnRsZXQgdGVzdCBDQTAgFw0yNjExMjIxMTA1NTVaGA8y
        MTI2MTAyOTExMDU1NVowFTETMBEGA1UEAwwKb3RoZXItdXNlcjBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABGdTMPL9JWMbbKqIQ05+KSIEqyMPvIKTM5vsqJz2WpUB
        2zif/pIFjON3WqmNk4/TsZnS/4SEwVbFtYDSczqVpgOjbzBtMAkGA1UdEwQCMAAw
        CwYDVR0PBAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMB0GA1UdDgQWBBTnE8Iz
        Y8sMc78mrFnbbZpROJTpdTAfBgNVHSMEGDAWgBTC+xoLI+B4/N5M9TTEOawSkNAQ
        jjAKBggqhkjOPQQDAgNIADBFAiEA6uGZpraD++dVL2loI5H16gCUvh2cgS2ZfuGP
        eRWP6dsCIDhes9rTi1Qw7uGT7cJLdLnac8xl6kmzfD0WRMO8slV7
        -----END CERTIFICATE-----
        """

    static let client2Key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4rvAEcd/ZW6F5zzP
        8rUAySWEU6svwirrjLRYNIhuqvahRANCAARnUzDy/SVjG2yqiENOfikiBKsjD7yC
        kzOb7Kic9lqVAds4n/6SBYzjd1qpjZOP07GZ0v+EhMFWxbWA0nM6laYD
        -----END PRIVATE KEY-----
        """
}
