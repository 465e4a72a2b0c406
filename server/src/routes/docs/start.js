"use strict";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  // Swagger UI sends the document's address to a validator on another site, unless it is told not to.
  validatorUrl: null,
});
