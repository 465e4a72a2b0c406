//! The requirements of OWASP ASVS 5.0.0 that checks cite, each in our own words and with a link to its text.

/// A requirement, cited as ASVS asks it to be: with the version.
pub struct Requirement {
    pub id: &'static str,
    /// A paraphrase of the requirement, not its text.
    pub asks: &'static str,
    /// Page and heading below [`TEXT`].
    section: &'static str,
}

impl Requirement {
    /// The URL of its text.
    pub fn url(&self) -> String {
        format!("{TEXT}{}", self.section)
    }
}

/// The requirement with this id, if a check may cite it.
pub fn cited(id: &str) -> Option<&'static Requirement> {
    CITED.iter().find(|requirement| requirement.id == id)
}

/// The release's tag, so that a number keeps its meaning.
const TEXT: &str = "https://github.com/OWASP/ASVS/blob/v5.0.0_release/5.0/en/";

const INJECTION: &str = "0x10-V1-Encoding-and-Sanitization.md#v12-injection-prevention";
const INPUT: &str = "0x11-V2-Validation-and-Business-Logic.md#v22-input-validation";
const ANTI_AUTOMATION: &str = "0x11-V2-Validation-and-Business-Logic.md#v24-anti-automation";
const CONTENT: &str = "0x12-V3-Web-Frontend-Security.md#v32-unintended-content-interpretation";
const COOKIES: &str = "0x12-V3-Web-Frontend-Security.md#v33-cookie-setup";
const BROWSER_HEADERS: &str = "0x12-V3-Web-Frontend-Security.md#v34-browser-security-mechanism-headers";
const ORIGIN_SEPARATION: &str = "0x12-V3-Web-Frontend-Security.md#v35-browser-origin-separation";
const WEB_SERVICE: &str = "0x13-V4-API-and-Web-Service.md#v41-generic-web-service-security";
const MESSAGES: &str = "0x13-V4-API-and-Web-Service.md#v42-http-message-structure-validation";
const GRAPHQL: &str = "0x13-V4-API-and-Web-Service.md#v43-graphql";
const FILES: &str = "0x14-V5-File-Handling.md#v53-file-storage";
const TLS: &str = "0x21-V12-Secure-Communication.md#v121-general-tls-security-guidance";
const HTTPS: &str = "0x21-V12-Secure-Communication.md#v122-https-communication-with-external-facing-services";
const SERVICE_TLS: &str =
    "0x21-V12-Secure-Communication.md#v123-general-service-to-service-communication-security";
const BACKEND: &str = "0x22-V13-Configuration.md#v132-backend-communication-configuration";
const LEAKAGE: &str = "0x22-V13-Configuration.md#v134-unintended-information-leakage";
const DATA: &str = "0x23-V14-Data-Protection.md#v142-general-data-protection";
const CLIENT_DATA: &str = "0x23-V14-Data-Protection.md#v143-client-side-data-protection";
const DEPENDENCIES: &str =
    "0x24-V15-Secure-Coding-and-Architecture.md#v152-security-architecture-and-dependencies";
const DEFENSIVE: &str = "0x24-V15-Secure-Coding-and-Architecture.md#v153-defensive-coding";
const LOGGING: &str = "0x25-V16-Security-Logging-and-Error-Handling.md#v162-general-logging";
const ERRORS: &str = "0x25-V16-Security-Logging-and-Error-Handling.md#v165-error-handling";

/// By id. The sentences are paraphrases: those of ASVS are under CC BY-SA, and are not copied.
pub const CITED: &[Requirement] = &[
    row("v5.0.0-1.2.1", "values in a page or a header field are encoded for that place.", INJECTION),
    row("v5.0.0-1.2.9", "regular expressions escape special characters.", INJECTION),
    row("v5.0.0-2.2.1", "input is validated before it is used.", INPUT),
    row("v5.0.0-2.4.1", "excessive requests of a client are stopped.", ANTI_AUTOMATION),
    row("v5.0.0-3.2.1", "browsers do not render an answer in the wrong context.", CONTENT),
    row(
        "v5.0.0-3.3.1",
        "cookies have Secure, and a prefix in their name with which browsers require it.",
        COOKIES,
    ),
    row("v5.0.0-3.3.2", "cookies have the SameSite that their purpose needs.", COOKIES),
    row("v5.0.0-3.3.3", "cookies are bound to their host by `__Host-`, unless hosts share them.", COOKIES),
    row("v5.0.0-3.3.4", "cookies that scripts need not read have HttpOnly.", COOKIES),
    row("v5.0.0-3.4.1", "every answer has HSTS, for a year or longer.", BROWSER_HEADERS),
    row(
        "v5.0.0-3.4.2",
        "the allowed origin is constant, or found on a list of trusted ones.",
        BROWSER_HEADERS,
    ),
    row("v5.0.0-3.4.4", "every answer forbids guessing its media type.", BROWSER_HEADERS),
    row("v5.0.0-3.4.5", "URLs do not reach third parties as referrers.", BROWSER_HEADERS),
    row("v5.0.0-3.4.6", "every answer restricts embedding with frame-ancestors.", BROWSER_HEADERS),
    row(
        "v5.0.0-3.5.2",
        "a function that relies on a preflight refuses requests that need none.",
        ORIGIN_SEPARATION,
    ),
    row("v5.0.0-4.1.1", "an answer's Content-Type matches its body.", WEB_SERVICE),
    row(
        "v5.0.0-4.1.2",
        "only addresses for people redirect from HTTP to HTTPS, those for programs do not.",
        WEB_SERVICE,
    ),
    row("v5.0.0-4.1.3", "clients cannot set the fields that proxies set.", WEB_SERVICE),
    row("v5.0.0-4.1.4", "methods that are not supported are refused.", WEB_SERVICE),
    row("v5.0.0-4.2.1", "every component finds the same end of each message.", MESSAGES),
    row(
        "v5.0.0-4.2.3",
        "HTTP/2 and HTTP/3 messages with fields of the connection are neither sent nor accepted.",
        MESSAGES,
    ),
    row("v5.0.0-4.2.4", "HTTP/2 and HTTP/3 requests with line breaks in fields are refused.", MESSAGES),
    row("v5.0.0-4.3.2", "production answers no GraphQL introspection, unless the API is public.", GRAPHQL),
    row("v5.0.0-5.3.2", "no file path is built from a client's input without a check.", FILES),
    row("v5.0.0-12.1.1", "only current versions of TLS are enabled, the newest first.", TLS),
    row("v5.0.0-12.2.1", "public services are reached over TLS only.", HTTPS),
    row("v5.0.0-12.2.2", "public services have publicly trusted certificates.", HTTPS),
    row("v5.0.0-12.3.2", "a TLS client validates the certificate before it sends data.", SERVICE_TLS),
    row("v5.0.0-13.2.3", "no service uses a default credential.", BACKEND),
    row("v5.0.0-13.2.6", "connections to other services keep their documented limits and timeouts.", BACKEND),
    row("v5.0.0-13.4.1", "no folder of version control is deployed or reachable.", LEAKAGE),
    row("v5.0.0-13.4.2", "debug modes are off in production.", LEAKAGE),
    row("v5.0.0-13.4.4", "TRACE is off in production.", LEAKAGE),
    row("v5.0.0-13.4.5", "documentation and monitoring are public only on purpose.", LEAKAGE),
    row("v5.0.0-13.4.6", "exact versions of components are not shown.", LEAKAGE),
    row("v5.0.0-13.4.7", "only files of expected kinds are served.", LEAKAGE),
    row(
        "v5.0.0-14.2.5",
        "caches store only answers meant for them, and an unknown path is a 404 or a redirect.",
        DATA,
    ),
    row("v5.0.0-14.3.2", "sensitive answers forbid browsers to store them.", CLIENT_DATA),
    row("v5.0.0-15.2.2", "costly work cannot make the service unavailable.", DEPENDENCIES),
    row("v5.0.0-15.3.4", "a client's address comes from a field that the client cannot write.", DEFENSIVE),
    row("v5.0.0-16.2.5", "logs hold sensitive data only as its protection allows.", LOGGING),
    row("v5.0.0-16.5.1", "an error's answer is generic, and shows no internals.", ERRORS),
    row("v5.0.0-16.5.2", "the service stays secure while another one is unavailable.", ERRORS),
    row("v5.0.0-16.5.3", "failures are handled securely.", ERRORS),
    row("v5.0.0-16.5.4", "a last handler catches every unhandled error, and the process continues.", ERRORS),
];

const fn row(id: &'static str, asks: &'static str, section: &'static str) -> Requirement {
    Requirement { id, asks, section }
}
