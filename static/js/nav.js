// On a phone the bar of links scrolls: bring the present page's into view.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
