//! A real nginx in front of replicas, like a platform's edge.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use testkit::Port;

use crate::load::Connections;
use crate::replica::Replica;

pub(crate) struct Nginx {
    folder: TempDir,
    port: Port,
    process: Child,
}

impl Nginx {
    /// Round robin over the replicas, with connections of each kind. A request that one replica refuses goes to the
    /// next, which is nginx's default for idempotent requests.
    pub(crate) fn before(replicas: &[Replica], connections: Connections) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::take().unwrap();
        let servers = replicas.iter().fold(String::new(), |mut text, replica| {
            let _ = write!(text, "server {} max_fails=0; ", replica.address());
            text
        });
        let (kept, connection) = match connections {
            Connections::Kept => ("keepalive 16;", ""),
            Connections::Fresh => ("", "close"),
        };
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; error_log error.log warn; worker_rlimit_nofile 4096;\n\
             events {{ worker_connections 2048; }}\n\
             http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
             uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             upstream replicas {{ {servers} {kept} }}\n\
             server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://replicas; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"{connection}\"; proxy_set_header Host $host; }} }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), configuration).unwrap();
        let process = Command::new("nginx")
            .args(["-p", folder.path().to_str().unwrap(), "-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx: run scripts/test, which installs it");
        let mut nginx = Self { folder, port, process };
        for _ in 0..500 {
            if TcpStream::connect(nginx.address()).is_ok() {
                return nginx;
            }
            assert!(nginx.process.try_wait().unwrap().is_none(), "nginx ended; {}", nginx.log());
            sleep(Duration::from_millis(10));
        }
        panic!("nginx does not start; {}", nginx.log());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
