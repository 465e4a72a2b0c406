//! The OpenAPI document agrees with the table of routes and with the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use profiles::Declaration;
use serde_json::Value;
use server::{ROUTES, Route};
use testkit::Postgres;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::{Answer, NO_DATABASE, get, production, request, rest, send, serve};

type Operations = BTreeSet<(String, String)>;

/// The production profile with the documentation shown, which the rules refuse in production.
fn shown(changes: &[(&str, &str)]) -> Declaration {
    let shown = [
        ("environment = \"production\"", "environment = \"development\""),
        ("docs = \"hidden\"", "docs = \"shown\""),
    ];
    production(&[&shown, changes].concat())
}

/// Every method of every path in a document. GET implies HEAD, which is seldom described separately.
fn described(document: &Value) -> Operations {
    let mut operations = Operations::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|method| *method != "parameters") {
            operations.insert((path.clone(), method.to_ascii_uppercase()));
        }
    }
    operations
}

fn served(routes: &[&Route], declaration: &Declaration) -> Operations {
    let mut operations = Operations::new();
    for route in routes {
        let path = (route.path)(&declaration.profile);
        for (method, _) in route.methods {
            operations.insert((path.to_owned(), method.to_string()));
        }
    }
    operations
}

/// The operations that only one of them has, in both directions.
fn drift(described: &Operations, served: &Operations) -> [Operations; 2] {
    let comes_with_get = |(path, method): &(String, String)| {
        method == "HEAD" && served.contains(&(path.clone(), "GET".to_owned()))
    };
    let unserved =
        described.difference(served).filter(|operation| !comes_with_get(operation)).cloned().collect();
    [unserved, served.difference(described).cloned().collect()]
}

async fn document(address: SocketAddr) -> Value {
    get(address, "/openapi.json").await.json()
}

/// The path with its parameters filled in.
fn filled(path: &str) -> String {
    path.replace("{file}", "start.js")
}

#[tokio::test]
async fn the_table_serves_what_the_contract_says_and_the_document_says_what_the_table_serves() {
    let declaration = shown(&[]);
    let service = serve(&declaration, NO_DATABASE).await;
    let document = document(service.local_addr()).await;
    let (described, served) = (described(&document), served(ROUTES, &declaration));
    assert!(
        described.contains(&("/health".to_owned(), "HEAD".to_owned())),
        "the contract is in the document"
    );
    assert_eq!(drift(&described, &served), [Operations::new(), Operations::new()]);
}

#[tokio::test]
async fn a_path_allows_exactly_the_methods_of_the_document() {
    let service = serve(&shown(&[]), NO_DATABASE).await;
    let address = service.local_addr();
    let mut methods = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, method) in described(&document(address).await) {
        let methods = methods.entry(path).or_insert_with(|| ["OPTIONS".to_owned()].into());
        if method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(method);
    }
    for (path, methods) in methods {
        let answer = send(address, "OPTIONS", &filled(&path), &[]).await;
        let allowed: BTreeSet<String> =
            answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[test]
fn what_only_one_of_them_has_is_found() {
    let operations = |list: &[(&str, &str)]| -> Operations {
        list.iter().map(|(path, method)| ((*path).to_owned(), (*method).to_owned())).collect()
    };
    let both = operations(&[("/a", "GET"), ("/a", "HEAD")]);
    let table = operations(&[("/a", "GET")]);
    assert_eq!(drift(&both, &table), [Operations::new(), Operations::new()]);
    let more = operations(&[("/a", "GET"), ("/a", "PUT"), ("/b", "HEAD")]);
    assert_eq!(drift(&more, &table)[0], operations(&[("/a", "PUT"), ("/b", "HEAD")]));
    assert_eq!(drift(&table, &more)[1], operations(&[("/a", "PUT"), ("/b", "HEAD")]));
}

/// Answers to every operation of the document, in each situation.
struct Seen {
    document: Value,
    answers: Vec<(String, String, Answer)>,
}

impl Seen {
    async fn ask(&mut self, address: SocketAddr, fields: &[(&str, &str)]) {
        for (path, method) in described(&self.document) {
            let answer = send(address, &method, &filled(&path), fields).await;
            self.answers.push((path, method, answer));
        }
    }

    /// On existing connections, since new ones are no longer accepted.
    async fn ask_while_it_ends(&mut self, declaration: &Declaration) {
        let service = serve(declaration, NO_DATABASE).await;
        let mut waiting = Vec::new();
        for (path, method) in described(&self.document) {
            let request = request(&method, &filled(&path), &[]);
            let (last, start) = request.as_bytes().split_last().unwrap();
            let mut stream = TcpStream::connect(service.local_addr()).await.unwrap();
            stream.write_all(start).await.unwrap();
            waiting.push((path, method, stream, *last));
        }
        // Long enough for the service to have read them.
        sleep(Duration::from_millis(200)).await;
        let end = tokio::spawn(service.stop());
        sleep(Duration::from_millis(100)).await;
        for (path, method, mut stream, last) in waiting {
            stream.write_all(&[last]).await.unwrap();
            let answer = Answer::parse(&rest(&mut stream).await);
            self.answers.push((path, method, answer));
        }
        end.await.unwrap();
    }

    fn responses(&self, path: &str, method: &str) -> &Value {
        &self.document["paths"][path][method.to_ascii_lowercase()]["responses"]
    }

    /// The document's entry for an answer: by its status, its class, or the default.
    fn declared(&self, path: &str, method: &str, answer: &Answer) -> (String, &Value) {
        let status = answer.status.to_string();
        let keys = [status.clone(), format!("{}XX", &status[..1]), "default".to_owned()];
        let responses = self.responses(path, method);
        let key = keys.into_iter().find(|key| responses.get(key).is_some());
        let key = key.unwrap_or_else(|| panic!("{method} {path} answered {status}, which is not documented"));
        let response = &responses[&key];
        let target = response["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
        (
            key,
            target.map_or(response, |target| {
                self.document.pointer(target).expect("a reference leads somewhere")
            }),
        )
    }
}

#[tokio::test]
async fn every_answer_is_documented_and_every_documented_status_is_answered() {
    let declaration = shown(&[]);
    let postgres = Postgres::start().unwrap();
    let healthy = serve(&declaration, &postgres.url()).await;
    let mut seen = Seen { document: document(healthy.local_addr()).await, answers: Vec::new() };
    seen.ask(healthy.local_addr(), &[]).await;
    seen.ask(healthy.local_addr(), &[("content-length", "1048577")]).await;
    seen.ask(healthy.local_addr(), &[("host", "a b")]).await;
    let none = get(healthy.local_addr(), "/docs/none.js").await;
    seen.answers.push(("/docs/{file}".to_owned(), "GET".to_owned(), none));
    seen.ask(serve(&declaration, NO_DATABASE).await.local_addr(), &[]).await;
    let busy = serve(&shown(&[("rate_limit = 600 ", "rate_limit = 1 ")]), NO_DATABASE).await;
    seen.ask(busy.local_addr(), &[]).await;
    seen.ask_while_it_ends(&declaration).await;

    let mut given = BTreeSet::new();
    for (path, method, answer) in &seen.answers {
        let (key, response) = seen.declared(path, method, answer);
        if key == "default" {
            assert!(answer.status >= 400, "{method} {path}: {answer:?}");
        }
        if let Some(contents) = response["content"].as_object().filter(|_| method != "HEAD") {
            let content_type = answer.header("content-type").unwrap();
            assert!(contents.contains_key(content_type), "{method} {path}: {answer:?}");
        }
        given.insert((path.as_str(), method.as_str(), key));
    }
    for status in [200, 400, 404, 413, 429, 503] {
        assert!(
            seen.answers.iter().any(|(_, _, answer)| answer.status == status),
            "nothing answered {status}"
        );
    }
    for (path, method) in described(&seen.document) {
        for status in seen.responses(&path, &method).as_object().unwrap().keys() {
            assert!(
                given.contains(&(path.as_str(), method.as_str(), status.clone())),
                "{method} {path}: {status}"
            );
        }
    }
}
