module.exports = require("hawser/ws");
