"""What a reader of Wiro's own pages would run, as scripts and a page, and the browser that shows the page."""
