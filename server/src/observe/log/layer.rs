//! Converts events of `tracing`, within spans or not, to lines.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{self, Context};
use tracing_subscriber::registry::LookupSpan;

use super::flood::SUM_BY;
use super::line::{Fields, Kind, Line};
use crate::observe::request_scope::RequestScope;

/// Writes a line for each event. The request comes from [`RequestScope`], because a span per request would also cost
/// the probes, which log nothing. A span adds its fields to the lines within it.
pub(super) struct Layer<W>(pub(super) W);

impl<S, W> layer::Layer<S> for Layer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(Line) + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(older) = span.extensions_mut().get_mut::<Fields>()
        {
            older.replace(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        request(&mut fields);
        event.record(&mut fields);
        spans(&mut fields, event, &context);
        let kind = fields.take(SUM_BY).map(|sum_by| Kind(metadata.callsite(), sum_by));
        (self.0)(Line { level: *metadata.level(), target: metadata.target(), fields, kind });
    }
}

/// The request of the event. Outside of a request an event may name one itself.
fn request(fields: &mut Fields) {
    let Some((id, trace)) = RequestScope::read() else {
        return;
    };
    fields.put("id", id);
    if let Some(trace) = trace {
        fields.put("trace_id", trace.to_string());
    }
}

/// The spans of the event, from the outermost, and their fields: those of the innermost span come first, as the more
/// specific ones.
fn spans<S>(fields: &mut Fields, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(scope) = context.event_scope(event) else {
        return;
    };
    let mut names = Vec::new();
    for span in scope {
        names.insert(0, span.name());
        if let Some(more) = span.extensions().get::<Fields>() {
            fields.add(more);
        }
    }
    fields.put("spans", names.join(":"));
}
