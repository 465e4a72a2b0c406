//! Two tiny static servers, and the pages that a browser loads from them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// The page of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The profile's origin.
    Allowed,
    /// The same but for the port: another origin of the same site, with the same cookies.
    OtherPort,
    /// The same server by another name: another site.
    OtherHost,
    /// A sandboxed page of the allowed server: its origin is `null`.
    Opaque,
}

pub(crate) struct Pages {
    allowed: u16,
    foreign: u16,
}

impl Page {
    pub(crate) const ALL: [Self; 4] = [Self::Allowed, Self::OtherPort, Self::OtherHost, Self::Opaque];
}

impl Pages {
    pub(crate) async fn serve() -> Self {
        Self { allowed: server().await, foreign: server().await }
    }

    pub(crate) fn address(&self, page: Page) -> String {
        match page {
            Page::Allowed => format!("http://127.0.0.1:{}/", self.allowed),
            Page::OtherPort => format!("http://127.0.0.1:{}/", self.foreign),
            Page::OtherHost => format!("http://localhost:{}/", self.allowed),
            Page::Opaque => format!("http://127.0.0.1:{}/sandboxed", self.allowed),
        }
    }

    /// The origin as the browser sends it.
    pub(crate) fn origin(&self, page: Page) -> String {
        match page {
            Page::Opaque => "null".to_owned(),
            _ => self.address(page).trim_end_matches('/').to_owned(),
        }
    }
}

async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let sandbox = request.starts_with(b"GET /sandboxed ");
                let _ = stream.write_all(answer(sandbox).as_bytes()).await;
            });
        }
    });
    port
}

/// An empty page, and a cookie for the requests with credentials.
fn answer(sandbox: bool) -> String {
    let sandbox = if sandbox { "content-security-policy: sandbox allow-scripts\r\n" } else { "" };
    let page = "<!doctype html><title>A page</title><link rel=icon href=data:,>";
    let length = page.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\
         set-cookie: session=n7Jq0Zt5\r\n{sandbox}\r\n{page}"
    )
}
